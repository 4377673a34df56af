// Calls the API. Paths are this server's own: it passes /api on to the API.

export interface ApiAnswer {
  path: string
  status: number
  statusText: string
  milliseconds: number
  isJson: boolean // if not, it is hardly the API that answered
  body: unknown // JSON if it is that, else text
  scope?: string // what the API's challenge asks for (RFC 6750 §3)
}

// There is no access token to be had; cause says why.
export class TokenError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

// Nobody answered at all.
export class NetworkError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

export class ApiService {
  constructor(private readonly getToken: (options: { fresh: boolean }) => Promise<string>) {}

  // Calls GET /api/external with an access token, as call does.
  ping(): Promise<ApiAnswer> {
    return this.call('/api/external')
  }

  // Calls GET path, with an access token unless it is public. It rejects with a
  // TokenError or a NetworkError if there is no answer.
  async call(path: string, { isPublic = false, fresh = false } = {}): Promise<ApiAnswer> {
    const headers = new Headers({ Accept: 'application/json' })
    if (!isPublic) {
      const token = await this.getToken({ fresh }).catch((error: unknown) => {
        throw new TokenError(error)
      })
      headers.set('Authorization', `Bearer ${token}`)
    }
    const start = performance.now()
    try {
      const response = await fetch(path, { headers })
      const text = await response.text()
      return {
        path,
        status: response.status,
        statusText: response.statusText,
        milliseconds: performance.now() - start,
        ...parse(text),
        ...challengeOf(response),
      }
    } catch (error) {
      throw new NetworkError(error)
    }
  }
}

function parse(text: string): { isJson: boolean; body: unknown } {
  try {
    return { isJson: true, body: JSON.parse(text) as unknown }
  } catch {
    return { isJson: false, body: text }
  }
}

function challengeOf(response: Response): { scope?: string } {
  const scope = /\bscope="([^"]*)"/.exec(response.headers.get('WWW-Authenticate') ?? '')?.[1]
  return scope ? { scope } : {}
}
