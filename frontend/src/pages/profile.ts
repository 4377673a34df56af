// The user, with the claims of the ID token as JSON.

import type { AuthService } from '../auth/auth-service'
import { el, json } from '../dom'
import type { Page } from '../router'

export function profile(auth: AuthService): Page {
  const user = auth.profile ?? {}
  const card = el('div', { class: 'person' })
  if (user.picture) {
    card.append(el('img', { src: user.picture, alt: '', width: '72', height: '72', referrerpolicy: 'no-referrer' }))
  }
  card.append(el('div', {}, el('h1', {}, user.name ?? 'Profile'), el('p', { class: 'lead' }, user.email ?? '')))
  return {
    title: 'Profile',
    content: el('section', {}, card, el('h2', {}, 'Claims of your ID token'), json(user)),
  }
}
