// In place of a guarded page whose session has ended while it was open. It leads
// to no login by itself: whoever logged out meant it.

import { attempt } from '../attempt'
import type { AuthService, SessionEnd } from '../auth/auth-service'
import { button, el } from '../dom'
import type { Page } from '../router'

const words: Record<SessionEnd, { title: string; text: string }> = {
  expired: {
    title: 'Your session is over',
    text: 'You are no longer logged in at the tenant (login_required). Sessions end after a while; or the browser keeps the tenant’s cookie from this page.',
  },
  here: { title: 'You are logged out', text: 'This page is for people who are logged in.' },
  'in another tab': { title: 'You logged out in another tab', text: 'This page is for people who are logged in.' },
}

export function signedOut(auth: AuthService, goOn: () => void): Page {
  const { title, text } = words[auth.end ?? 'here']
  const unfollow = auth.isAuthenticated.follow((authenticated) => {
    if (authenticated) goOn() // in another tab
  })
  return {
    title: 'Logged out',
    leave: unfollow,
    content: el(
      'section',
      {},
      el('h1', {}, title),
      el('p', { role: 'alert' }, text),
      el(
        'p',
        { class: 'actions' },
        button('Log in again', () => attempt(auth.login(location.pathname + location.search + location.hash)), { class: 'primary' }),
        el('a', { href: '/', class: 'secondary' }, 'Go home'),
      ),
    ),
  }
}
