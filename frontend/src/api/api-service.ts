// Calls the API. Paths are this server's own: it passes /api on to the API.

export interface ApiAnswer {
  ok: boolean
  status: number
  body: unknown // JSON if it is that, else text
}

export class ApiService {
  constructor(private readonly getToken: () => Promise<string>) {}

  // Calls GET /api/external with an access token. It throws if there is no token
  // to be had, or no answer.
  async ping(): Promise<ApiAnswer> {
    const token = await this.getToken()
    const response = await fetch('/api/external', { headers: { Authorization: `Bearer ${token}` } })
    const text = await response.text()
    return { ok: response.ok, status: response.status, body: parse(text) }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
