// Calls the API. Paths are this server's own: it passes /api on to the API.

export interface ApiAnswer {
  status: number
  isJson: boolean // if not, it is hardly the API that answered
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
    try {
      return { status: response.status, isJson: true, body: JSON.parse(text) as unknown }
    } catch {
      return { status: response.status, isJson: false, body: text }
    }
  }
}
