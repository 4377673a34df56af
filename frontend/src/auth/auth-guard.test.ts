import { expect, test, vi } from 'vitest'
import { authGuard } from './auth-guard'
import type { AuthService } from './auth-service'

test.each([
  ['signed in', true, true, false],
  ['signed out', false, true, true],
  ['signed out, and the user has gone to another page', false, false, false],
])('%s', async (_, authenticated, isCurrent, leads) => {
  const auth = { ready: () => Promise.resolve(authenticated), login: vi.fn(() => Promise.resolve()) }
  expect(await authGuard(auth as unknown as AuthService)('/profile?x=1', () => isCurrent)).toBe(authenticated)
  if (leads) expect(auth.login).toHaveBeenCalledWith('/profile?x=1', { replace: true })
  else expect(auth.login).not.toHaveBeenCalled()
})
