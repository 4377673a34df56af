// Tokens that the API must reject, made of the user's own or by the local tenant.

import { type Claims, decodeToken } from '../auth/token'

// A token that cannot be made, and why.
export class TamperError extends Error {}

export interface Tokens {
  access: string | undefined // undefined if there is none
  id: string | undefined
  subject: string
}

export interface Tampering {
  text: string
  about: string
  isMade?: true // by the local tenant; there is no way to get such a token of a real one
  make: (tokens: Tokens) => Promise<string | undefined> | string | undefined // undefined is no token
}

export const tamperings: Tampering[] = [
  { text: 'Send no token', about: 'Anybody who knows the address can do that.', make: () => undefined },
  {
    text: 'Change one letter',
    about: 'The user’s ID in the claims is another one then. The signature was made for the old claims.',
    make: ({ access }) =>
      changed(access, (header, claims) => [
        header,
        { ...claims, sub: String(claims['sub'] ?? '').replace(/.$/, (c) => (c === 'x' ? 'y' : 'x')) },
      ]),
  },
  {
    text: 'Remove the signature',
    about: 'The header says so: alg is none. Some libraries once accepted that.',
    make: ({ access }) => changed(access, (header, claims) => [{ ...header, alg: 'none' }, claims], ''),
  },
  {
    text: 'Sign with another key',
    about: 'Somebody who is not the tenant has signed it, and claims to have used the tenant’s key.',
    isMade: true,
    make: ({ subject }) => made(subject, 'key'),
  },
  {
    text: 'Use another API’s token',
    about: 'The same tenant has signed it, but for another API: its audience is not this one.',
    isMade: true,
    make: ({ subject }) => made(subject, 'audience'),
  },
  {
    text: 'Use an expired token',
    about: 'It was valid until an hour ago.',
    isMade: true,
    make: ({ subject }) => made(subject, 'expired'),
  },
  {
    text: 'Send the ID token',
    about: 'It tells this app who you are. Its audience is this app, and not the API.',
    make: ({ id }) => {
      if (id === undefined) throw new TamperError('This session has no ID token.')
      return id
    },
  },
]

// Returns token with another header and other claims, and its old signature unless another is given.
function changed(token: string | undefined, change: (header: Claims, claims: Claims) => [Claims, Claims], signature?: string): string {
  const decoded = decodeToken(token ?? '')
  if (!token || !decoded) throw new TamperError('The access token is opaque, so it has no parts to change.')
  const [newHeader, newClaims] = change(decoded.header, decoded.claims)
  const old = token.split('.')[2] ?? ''
  return [encode(newHeader), encode(newClaims), signature ?? old].join('.')
}

function encode(value: Claims): string {
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

// A token with a defect, of the local tenant. The dev server makes no other ones for pages.
async function made(subject: string, defect: string): Promise<string> {
  const response = await fetch('/@dev/bad-token', { method: 'POST', body: new URLSearchParams({ subject, defect }) }).catch(() => undefined)
  if (!response) throw new TamperError('The dev server does not answer.')
  if (!response.ok) throw new TamperError(`The dev server made none: ${await response.text()}`)
  return ((await response.json()) as { access_token: string }).access_token
}
