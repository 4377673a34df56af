// In place of a guarded page whose session has ended while it was open. It leads
// to no login by itself: whoever logged out meant it.

import type { AuthService } from '../auth/auth-service'
import { button, el } from '../dom'
import type { Page } from '../router'

export function signedOut(auth: AuthService, goOn: () => void): Page {
  const elsewhere = auth.end === 'in another tab'
  const unfollow = auth.isAuthenticated.follow((authenticated) => {
    if (authenticated) goOn() // in another tab
  })
  return {
    title: 'Logged out',
    leave: unfollow,
    content: el(
      'section',
      {},
      el('h1', {}, elsewhere ? 'You logged out in another tab' : 'Your session is over'),
      el(
        'p',
        { role: 'alert' },
        elsewhere
          ? 'This page is for people who are logged in.'
          : 'The tenant knows nobody here any more (login_required). Sessions end by themselves after a while.',
      ),
      el(
        'p',
        { class: 'actions' },
        button('Log in again', () => void auth.login(location.pathname + location.search), { class: 'primary' }),
        el('a', { href: '/', class: 'secondary' }, 'Go home'),
      ),
    ),
  }
}
