// The page that the tenant redirects to after a login, with a code or an error.

import { attempt, quietly } from '../attempt'
import { type AuthService, LoginError } from '../auth/auth-service'
import { button, el } from '../dom'
import type { Page } from '../router'
import { noStorage } from './failure'

export function callback(auth: AuthService, open: (target: string) => void): Page {
  const url = location.href
  const query = new URLSearchParams(location.search)
  // A code is valid once. Without it in the address, neither a reload nor the history can
  // send it a second time.
  history.replaceState(null, '', location.pathname)
  let left = false
  const content = el('section', {}, el('h1', {}, 'Logging you in…'))
  const page = {
    title: 'Login',
    content,
    leave: () => {
      left = true
    },
  }
  const fail = (title: string, detail: string, advice: string, { target, scope }: { target: string; scope?: string } = { target: '/' }) => {
    void quietly(auth.ready()) // for the bar at the top
    content.replaceChildren(
      el('h1', {}, title),
      el('p', { role: 'alert' }, advice),
      ...(detail
        ? [el('p', { class: 'detail' }, query.has('error') ? 'The tenant said: ' : 'The SDK said: ', el('code', {}, detail))]
        : []),
      el(
        'p',
        { class: 'actions' },
        button('Try again', () => attempt(auth.login(target, scope ? { scope } : {})), { class: 'primary' }),
        button('Use another account', () => attempt(auth.logout())),
      ),
    )
  }

  if (!query.has('code') && !query.has('error')) {
    const target = auth.pendingTarget() // the code is gone from the address when this page is loaded again
    if (target) fail('The login was interrupted', '', 'This page was left or loaded again before the login had ended.', { target })
    else fail('Nothing to do here', '', 'A login ends at this address, and none is in progress.')
    return page
  }
  auth.handleRedirect(url).then(
    (target) => {
      if (!left) open(target) // otherwise the user has opened another page
    },
    (error: unknown) => {
      const code = query.get('error')
      const text = query.get('error_description') ?? (error instanceof Error ? error.message : String(error))
      const login = error instanceof LoginError ? error.login : undefined
      const target = auth.pendingTarget()
      // Without a login of this tab, anybody may have written the address and its text.
      const detail = code ? (login ? `${code}: ${text}` : '') : text
      fail(
        'The login did not succeed',
        detail,
        explain(code, text) + (code && !login ? ' But no login of this tab ended here.' : ''),
        login ?? (target ? { target } : undefined),
      )
    },
  )
  return page
}

// Says what to do about an error of the tenant (RFC 6749 §4.1.2.1, OpenID Connect Core
// §3.1.2.6) or the SDK.
function explain(code: string | null, text: string): string {
  if (text.startsWith('Service not found')) {
    return 'The tenant has no API with the identifier that this app requests tokens for. Create one there, or correct AUTH0_AUDIENCE.'
  }
  if (/callback url mismatch/i.test(text)) {
    return `The tenant does not know this app’s address. Add ${location.origin}/callback to the application’s Allowed Callback URLs there.`
  }
  if (/claim error in the ID token; current time/.test(text)) {
    return 'This machine’s clock and the tenant’s differ, so the ID token seems to be of another time. Set the clock, and try again.'
  }
  if (!code && /quota|storage|SecurityError|insecure/i.test(text)) return noStorage
  switch (code) {
    case 'access_denied':
      return 'The tenant denied access. Either you declined the app’s request, or a rule of the tenant forbids it.'
    case 'login_required':
      return 'You are no longer logged in.'
    case 'consent_required':
      return 'You have not agreed yet that this app may call the API for you. Try again to be asked.'
    case 'unauthorized':
      return 'Your account is not allowed to log in to this app: it is blocked, or not verified yet.'
    case 'invalid_request':
    case 'unauthorized_client':
      return 'The tenant does not accept the app’s request. Check the application’s settings there.'
  }
  if (text === 'Invalid state') {
    return 'This response does not belong to a login of this tab. It was used before, or another program made it.'
  }
  return 'Something went wrong between this app and the tenant. Trying again often helps.'
}
