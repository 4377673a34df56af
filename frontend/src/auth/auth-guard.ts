// Requires a signed-in user for a page. Signed-out users are sent to the login, which returns to the page.

import type { Route } from '../router'
import type { AuthService } from './auth-service'

export function authGuard(auth: AuthService): NonNullable<Route['guard']> {
  return async (path, isCurrent) => {
    if (await auth.ready()) return true
    if (isCurrent()) await auth.login(path, { replace: true })
    return false
  }
}
