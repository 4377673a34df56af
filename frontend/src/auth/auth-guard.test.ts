import { expect, test, vi } from 'vitest'
import { authGuard } from './auth-guard'
import type { AuthService } from './auth-service'

test.each([
  ['somebody is logged in', true, true, false],
  ['nobody is', false, true, true],
  ['nobody is, and the person has gone elsewhere', false, false, false],
])('%s', async (_, authenticated, isCurrent, leads) => {
  const auth = { ready: () => Promise.resolve(authenticated), login: vi.fn(() => Promise.resolve()) }
  expect(await authGuard(auth as unknown as AuthService)('/profile?x=1', () => isCurrent)).toBe(authenticated)
  if (leads) expect(auth.login).toHaveBeenCalledWith('/profile?x=1', { replace: true })
  else expect(auth.login).not.toHaveBeenCalled()
})
