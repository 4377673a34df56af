// What the API has checked, told from its answer. It does the checks in this order and stops at the
// first that fails; docs/token-validation.md has the rules.

import type { ApiAnswer } from './api-service'

export interface Check {
  name: string
  result: 'passed' | 'failed' | 'not checked'
  meaning: string
}

const gate: { name: string; meaning: string; reasons: string[]; bound?: true }[] = [
  { name: 'The request has one token', meaning: 'Is there exactly one, in the Authorization header?', reasons: ['missing', 'request'] },
  {
    name: 'It is a signed JWT',
    meaning: 'Does it have three parts, and a signature algorithm that the API accepts?',
    reasons: ['not_a_jwt', 'too_large', 'malformed', 'header'],
  },
  { name: 'Issuer', meaning: 'Was it issued by the tenant that the API trusts? (iss)', reasons: ['issuer'] },
  { name: 'Audience', meaning: 'Was it issued for this API, and not for another one? (aud)', reasons: ['audience'] },
  {
    name: 'Time and kind',
    meaning: 'Is it valid now, and is it an access token, not an ID token? (exp, nbf, iat)',
    reasons: ['expired', 'not_yet_valid', 'claims'],
  },
  {
    name: 'Key and signature',
    meaning: 'Does one of the tenant’s public keys verify the signature of this content?',
    reasons: ['unknown_key', 'signature', 'unavailable'],
  },
  {
    name: 'Proof of the key',
    meaning: 'Does the sender hold the key that the token is bound to?',
    reasons: [
      'binding',
      'proof_missing',
      'proof_form',
      'proof_key',
      'proof_method',
      'proof_url',
      'proof_time',
      'proof_token',
      'proof_nonce',
      'proof_replayed',
    ],
    bound: true,
  },
  { name: 'Scope', meaning: 'Does it grant the scope that this path requires, if any?', reasons: ['scope', 'claim'] },
]

// Returns the checks of an answer, or undefined if it is not one of the gate's.
export function checksOf({ status, isJson, body, sent, isPublic }: ApiAnswer): Check[] | undefined {
  if (isPublic || !isJson) return undefined
  const isBound = sent?.scheme === 'DPoP'
  const reason = status >= 200 && status < 300 ? undefined : reasonOf(body)
  if (reason === undefined && status >= 300) return undefined
  const at = reason === undefined ? gate.length : gate.findIndex(({ reasons }) => reasons.includes(reason))
  if (at < 0) return undefined
  return gate.flatMap(({ name, meaning, bound }, i) =>
    bound && !isBound && i !== at ? [] : [{ name, meaning, result: resultOf(i, at, reason) }],
  )
}

// Without keys, the API does not check the claims; a proof is used up last.
function resultOf(i: number, at: number, reason: string | undefined): Check['result'] {
  if (i === at) return 'failed'
  if (reason === 'unavailable' && i > 2) return 'not checked'
  return i < at || reason === 'proof_replayed' ? 'passed' : 'not checked'
}

function reasonOf(body: unknown): string | undefined {
  const reason = typeof body === 'object' && body !== null && 'error' in body && 'reason' in body ? body.reason : undefined
  return typeof reason === 'string' ? reason : undefined
}
