// Keeps pages for people who are logged in. Others are led to the login, and from
// there to the page that they wanted.

import type { AuthService } from './auth-service'

export function authGuard(auth: AuthService): (path: string) => Promise<boolean> {
  return async (path) => {
    if (await auth.ready()) return true
    await auth.login(path, { replace: true })
    return false
  }
}
