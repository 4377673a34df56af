// Requires a signed-in user for a page. Others go through the login and back to the page.

import type { Route } from '../router'
import type { AuthService } from './auth-service'

export function authGuard(auth: AuthService): NonNullable<Route['guard']> {
  return async (path, isCurrent) => {
    if (await auth.ready()) return true
    if (isCurrent()) await auth.login(path, { replace: true })
    return false
  }
}
