// Keeps pages for people who are logged in. Others are led to the login, and from
// there to the page that they wanted.

import type { Route } from '../router'
import type { AuthService } from './auth-service'

export function authGuard(auth: AuthService): NonNullable<Route['guard']> {
  return async (path, isCurrent) => {
    if (await auth.ready()) return true
    if (isCurrent()) await auth.login(path, { replace: true })
    return false
  }
}
