// Shows a token in its encoded form, masked until the user wants to see it, and a line for each
// claim with its meaning.

import { type Claims, decodeToken } from '../auth/token'
import { button, el } from '../dom'

const meanings: Record<string, string> = {
  iss: 'who issued it: the tenant',
  sub: 'for which user, or which client',
  aud: 'the audience: who it is for. Everybody else must reject it',
  azp: 'the app that it was issued to',
  client_id: 'the app that it was issued to',
  exp: 'when it expires',
  iat: 'when it was issued',
  nbf: 'not valid before',
  scope: 'what the app may do for the user',
  permissions: 'what the user may do at the API',
  gty: 'the grant type: how the app got it',
  jti: 'its own ID',
  cnf: 'the key that it is bound to: only who holds that can use it',
  nonce: 'a random value of this login, so that a token of another login is rejected',
  auth_time: 'when the user logged in',
  sid: 'the session at the tenant',
  org_id: 'the organization that was requested',
  org_name: 'the organization that was requested',
  name: 'the user’s name',
  given_name: 'the user’s first name',
  family_name: 'the user’s last name',
  nickname: 'the user’s nickname',
  picture: 'the user’s picture',
  email: 'the user’s email address',
  email_verified: 'whether the tenant has verified that address',
  updated_at: 'when the profile was last changed',
}

const headerMeanings: Record<string, string> = {
  alg: 'how it is signed. Whoever checks it decides which algorithms it accepts, not the token',
  typ: 'what it says that it is',
  kid: 'which of the tenant’s public keys verifies its signature',
}

const times = ['exp', 'iat', 'nbf', 'auth_time']

// The token, in three colors: header, claims and signature. warning says what whoever has it can do.
export function encoded(name: 'ID token' | 'access token', token: string, warning: string): HTMLElement {
  const code = el('code')
  const view = el('pre', { class: 'encoded', tabindex: '0', role: 'region', 'aria-label': `Encoded ${name}` }, code)
  let shown = false
  const toggle = button('', () => {
    shown = !shown
    render()
  })
  const render = () => {
    toggle.textContent = `${shown ? 'Hide' : 'Show'} the ${name}`
    const parts = token.split('.').map((part) => (shown ? part : '•'.repeat(Math.min(12, part.length))))
    code.replaceChildren(...parts.flatMap((part, i) => [...(i > 0 ? ['.'] : []), el('span', { class: `part-${i}` }, part)]))
  }
  render()
  const legend = el(
    'p',
    { class: 'detail' },
    'Three parts: ',
    ...['header', 'claims', 'signature'].flatMap((part, i) => [...(i > 0 ? [', '] : []), el('span', { class: `part-${i}` }, part)]),
  )
  return el(
    'div',
    { class: 'token' },
    view,
    ...(decodeToken(token) ? [legend] : []),
    el('p', {}, toggle),
    el('p', { class: 'detail' }, warning),
  )
}

// The members of the header and the claims, each with its value and its meaning. The token's
// content is not verified here.
export function claimsOf(token: string): HTMLElement {
  const decoded = decodeToken(token)
  if (!decoded) return el('p', {}, 'It is opaque: only the tenant can read it.')
  return el(
    'table',
    { class: 'claims' },
    el('thead', {}, el('tr', {}, ...['Name', 'Value', 'Meaning'].map((title) => el('th', { scope: 'col' }, title)))),
    rowsOf('Header', decoded.header, headerMeanings),
    rowsOf('Claims', decoded.claims, meanings),
  )
}

function rowsOf(part: string, members: Claims, known: Record<string, string>): HTMLElement {
  const order = Object.keys(known)
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length)
  const rows = Object.entries(members)
    .sort(([a], [b]) => place(a) - place(b))
    .map(([name, value]) =>
      el(
        'tr',
        {},
        el('th', { scope: 'row' }, el('code', {}, name)),
        el('td', {}, text(name, value)),
        el('td', {}, meaningOf(name, value, known)),
      ),
    )
  return el('tbody', {}, el('tr', {}, el('th', { scope: 'rowgroup', colspan: '3' }, part)), ...rows)
}

function meaningOf(name: string, value: unknown, known: Record<string, string>): string {
  const meaning = Object.hasOwn(known, name) ? known[name] : undefined
  const userinfo = name === 'aud' && Array.isArray(value) && value.some((one) => String(one).endsWith('/userinfo'))
  return `${meaning ?? 'added by this tenant'}${userinfo ? '. The address that ends with /userinfo is the tenant’s own' : ''}`
}

function text(name: string, value: unknown): string {
  if (times.includes(name) && typeof value === 'number') return new Date(value * 1000).toLocaleString()
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.join(' and ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}
