// Decodes access tokens to show them. The page never decides anything by their content:
// only the API can verify them.

export type Claims = Record<string, unknown>

export interface DecodedToken {
  header: Claims
  claims: Claims
}

// Returns the content of a signed JWT, or undefined for any other token. Opaque tokens
// can be read by the tenant only.
export function decodeToken(token: string): DecodedToken | undefined {
  const [header, claims, signature, ...rest] = token.split('.')
  if (header === undefined || claims === undefined || signature === undefined || rest.length > 0) return undefined
  try {
    return { header: decodePart(header), claims: decodePart(claims) }
  } catch {
    return undefined
  }
}

function decodePart(part: string): Claims {
  const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('not a JSON object')
  return value as Claims
}

// The time of expiry in seconds since 1970, if the token has one.
export function expiryOf(token: string): number | undefined {
  const exp = decodeToken(token)?.claims['exp']
  return typeof exp === 'number' && Number.isFinite(exp) ? exp : undefined
}

// The thumbprint of the key that the token is bound to (RFC 9449 §6.1), undefined for a
// bearer token.
export function thumbprintOf(token: string): string | undefined {
  return keyOf(decodeToken(token)?.claims['cnf'])
}

// The thumbprint of a proof's key (RFC 7638), undefined if it is not one for ES256, which
// the SDK uses.
export async function thumbprintOfKey(jwk: unknown): Promise<string | undefined> {
  const { kty, crv, x, y } = (jwk ?? {}) as Claims
  if (kty !== 'EC' || crv !== 'P-256') return undefined
  const canonical = new TextEncoder().encode(JSON.stringify({ crv, kty, x, y }))
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', canonical))
  return btoa(String.fromCharCode(...digest))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

function keyOf(cnf: unknown): string | undefined {
  const jkt = typeof cnf === 'object' && cnf !== null && 'jkt' in cnf ? cnf.jkt : undefined
  return typeof jkt === 'string' ? jkt : undefined
}

// The claims that matter to the API: a name for each, and its value in words.
export function describe({ header, claims }: DecodedToken): [term: string, words: string][] {
  const list = (value: unknown) => (Array.isArray(value) ? value : [value]).filter((one) => one !== undefined).map(String)
  const scopes = typeof claims['scope'] === 'string' ? claims['scope'].split(' ').filter(Boolean) : []
  const time = (value: unknown) => (typeof value === 'number' ? new Date(value * 1000).toLocaleString() : 'unknown')
  return [
    ['Issued by', list(claims['iss']).join(', ') || 'unknown'],
    ['Audience', list(claims['aud']).join(' and ') || 'unknown'],
    ['User', list(claims['sub']).join(', ') || 'unknown'],
    ['Issued to the app', list(claims['azp'] ?? claims['client_id']).join(', ') || 'unknown'],
    ['Scopes', scopes.join(', ') || 'none'],
    ['Permissions', list(claims['permissions']).join(', ') || 'none in the token'],
    ['Signature', [...list(header['alg']), ...list(header['kid']).map((kid) => `with the key ${kid}`)].join(' ') || 'unknown'],
    ['Bound to', boundTo(claims['cnf'])],
    ['Issued', time(claims['iat'])],
  ]
}

function boundTo(cnf: unknown): string {
  const key = keyOf(cnf)
  return key ? `this browser, by its key ${key}` : 'nothing: whoever has it can use it'
}

// The time from now in words. seconds is negative for the past.
export function countdown(seconds: number): string {
  const away = Math.abs(Math.trunc(seconds))
  const parts: [number, string][] = [
    [Math.floor(away / 86400), 'd'],
    [Math.floor(away / 3600) % 24, 'h'],
    [Math.floor(away / 60) % 60, 'min'],
    [away % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  const words = (first < 0 ? parts.slice(-1) : parts.slice(first, first + 2)).map(([count, unit]) => `${count} ${unit}`).join(' ')
  return seconds >= 0 ? `in ${words}` : `${words} ago`
}
