// Who is signed in, as one value.

import type { User } from '@auth0/auth0-spa-js'

export type Profile = User

// Why there is no session: the user has not signed in on this page, has signed out
// here or in another tab, or the tenant's session has expired.
export type SignedOutReason = 'not yet' | 'here' | 'in another tab' | 'expired'

export type Session =
  | { kind: 'unknown' } // the tenant has not answered yet
  | { kind: 'signed in'; profile: Profile; token?: string } // token is the newest access token
  | { kind: 'signed out'; reason: SignedOutReason }

export const unknown: Session = { kind: 'unknown' }

// Returns the profile of the user who is signed in, if there is one.
export function profileOf(session: Session): Profile | undefined {
  return session.kind === 'signed in' ? session.profile : undefined
}

export function tokenOf(session: Session): string | undefined {
  return session.kind === 'signed in' ? session.token : undefined
}
