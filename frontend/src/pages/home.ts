// What this app does, in three steps, and what is running here.

import { attempt } from '../attempt'
import type { AuthService } from '../auth/auth-service'
import { StatusList } from '../components/status-list'
import type { Config } from '../config'
import { button, el } from '../dom'
import type { Page } from '../router'

export function home(auth: AuthService, loadConfig: () => Promise<Config>): Page {
  const next = el('p', { class: 'actions' })
  const unfollow = auth.session.followPart(
    ({ kind }) => kind,
    (kind) => {
      if (kind === 'unknown') return
      next.replaceChildren(
        kind === 'signed in'
          ? el('a', { href: '/external-api', class: 'primary' }, 'Call the API')
          : button('Log in to begin', () => attempt(auth.login('/external-api')), { class: 'primary' }),
      )
    },
  )
  auth.ready().catch((error: unknown) => {
    next.replaceChildren(
      el('span', { role: 'alert' }, `Login does not work now: ${error instanceof Error ? error.message : String(error)}. `),
    )
  })
  const status = new StatusList(loadConfig)
  attempt(status.start())
  const step = (title: string, text: string) => el('li', {}, el('strong', {}, title), text)
  return {
    title: 'Home',
    leave: () => {
      unfollow()
      status.stop()
    },
    content: el(
      'section',
      {},
      el('h1', {}, 'Calling an API'),
      el('p', { class: 'lead' }, 'Log in, get an access token, and call an API that requires a valid one.'),
      el(
        'ol',
        { class: 'steps' },
        step('Log in', 'The tenant asks who you are and, the first time, whether this app may call the API for you.'),
        step('Get a token', 'The app exchanges the login’s code for an access token with the API as its audience.'),
        step('Ping the API', 'It checks the token’s signature, issuer, audience and expiry. Then it answers.'),
      ),
      next,
      el('h2', {}, 'What is running'),
      status.element,
    ),
  }
}
