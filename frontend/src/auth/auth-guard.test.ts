import { expect, test, vi } from 'vitest'
import { authGuard } from './auth-guard'
import type { AuthService } from './auth-service'

test.each([true, false])('logged in: %s', async (authenticated) => {
  const auth = { ready: () => Promise.resolve(authenticated), login: vi.fn(() => Promise.resolve()) }
  expect(await authGuard(auth as unknown as AuthService)('/profile?x=1')).toBe(authenticated)
  if (authenticated) expect(auth.login).not.toHaveBeenCalled()
  else expect(auth.login).toHaveBeenCalledWith('/profile?x=1', { replace: true })
})
