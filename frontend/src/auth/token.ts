// What an access token says, for people. The page reads tokens to show them, and
// never to decide anything: whether one is good is the API's to judge.

export type Claims = Record<string, unknown>

export interface DecodedToken {
  header: Claims
  claims: Claims
}

// Returns what a signed JWT says, or undefined if the token is none: tenants give
// out opaque tokens too, which nobody but they can read.
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
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('no JSON object')
  return value as Claims
}

// Seconds since 1970 at which the token expires, if it says so.
export function expiryOf(token: string): number | undefined {
  const exp = decodeToken(token)?.claims['exp']
  return typeof exp === 'number' && Number.isFinite(exp) ? exp : undefined
}

// The claims that matter to the API, in words: what each is called, and what it says.
export function describe({ header, claims }: DecodedToken): [term: string, words: string][] {
  const list = (value: unknown) => (Array.isArray(value) ? value : [value]).filter((one) => one !== undefined).map(String)
  const scopes = typeof claims['scope'] === 'string' ? claims['scope'].split(' ').filter(Boolean) : []
  const time = (value: unknown) => (typeof value === 'number' ? new Date(value * 1000).toLocaleString() : 'not said')
  return [
    ['Issued by', list(claims['iss']).join(', ') || 'not said'],
    ['For', list(claims['aud']).join(' and ') || 'not said'],
    ['On behalf of', list(claims['sub']).join(', ') || 'not said'],
    ['Asked for by the app', list(claims['azp'] ?? claims['client_id']).join(', ') || 'not said'],
    ['Scopes', scopes.join(', ') || 'none'],
    ['Permissions', list(claims['permissions']).join(', ') || 'none in the token'],
    ['Signed', [...list(header['alg']), ...list(header['kid']).map((kid) => `with the key ${kid}`)].join(' ') || 'not said'],
    ['Issued', time(claims['iat'])],
  ]
}

// How long it is until then, in seconds, as a person says it.
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
