// The user, with the claims of the ID token as JSON, and both tokens.

import { quietly } from '../attempt'
import type { AuthService } from '../auth/auth-service'
import { thumbprintOf } from '../auth/token'
import { claimsOf, encoded } from '../components/token-view'
import { el, json } from '../dom'
import type { Page } from '../router'

export function profile(auth: AuthService): Page {
  const tokens = el('div', { class: 'side-by-side' })
  void quietly(showTokens(auth, tokens)) // the claims are shown anyway
  const user = auth.profile ?? {}
  const card = el('div', { class: 'person' })
  if (user.picture) {
    card.append(el('img', { src: user.picture, alt: '', width: '72', height: '72', referrerpolicy: 'no-referrer' }))
  }
  card.append(el('div', {}, el('h1', {}, user.name ?? 'Profile'), el('p', { class: 'lead' }, user.email ?? '')))
  return {
    title: 'Profile',
    content: el(
      'section',
      {},
      card,
      el('h2', {}, 'Claims of your ID token'),
      json('Claims of your ID token', user),
      el('h2', {}, 'Your tokens'),
      tokens,
    ),
  }
}

// Shows both tokens side by side, with what each is for.
async function showTokens(auth: AuthService, place: HTMLElement): Promise<void> {
  const [id, access] = await Promise.all([auth.getIdToken(), auth.getToken().catch(() => undefined)])
  const card = (title: string, about: string, warning: string, token: string | undefined) =>
    el(
      'section',
      { 'aria-label': title },
      el('h3', {}, title),
      el('p', { class: 'detail' }, about),
      ...(token === undefined
        ? [el('p', {}, 'There is none now.')]
        : [encoded(title === 'ID token' ? title : 'access token', token, warning), claimsOf(token)]),
    )
  place.replaceChildren(
    card(
      'ID token',
      'For this page: it says who logged in. Its audience is this app, so an API must reject it.',
      'It tells whoever has it about you, and does not grant access.',
      id,
    ),
    card(
      'Access token',
      'For the API: it says what may be done. Its audience is the API; this page shows it for you, and apps must not depend on its content.',
      access && thumbprintOf(access)
        ? 'Without the key of this browser it is useless.'
        : 'Treat it like a password: whoever has it can call the API.',
      access,
    ),
  )
}
