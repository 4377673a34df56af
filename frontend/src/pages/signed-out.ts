// Replaces a guarded page whose session ends while it is open. It does not start a login
// by itself, because the user may have logged out on purpose.

import { attempt } from '../attempt'
import type { AuthService } from '../auth/auth-service'
import { button, el } from '../dom'
import type { Page } from '../router'
import type { SignedOutReason } from '../session'

const words: Record<Exclude<SignedOutReason, 'not yet'>, { title: string; text: string }> = {
  expired: {
    title: 'Your session has expired',
    text: 'You are no longer logged in at the tenant (login_required). Sessions expire after some time, or the browser blocks the tenant’s cookie on this page.',
  },
  here: { title: 'You are logged out', text: 'This page requires a login.' },
  'in another tab': { title: 'You logged out in another tab', text: 'This page requires a login.' },
}

export function signedOut(auth: AuthService, goOn: () => void): Page {
  const { value } = auth.session
  const reason = value.kind === 'signed out' && value.reason !== 'not yet' ? value.reason : 'here'
  const { title, text } = words[reason]
  const unfollow = auth.session.followPart(
    ({ kind }) => kind,
    (kind) => {
      if (kind === 'signed in') goOn() // in another tab
    },
  )
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
