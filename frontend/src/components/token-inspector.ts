// Shows what the access token says, how long it lasts, and how to use it in a
// terminal. The token itself is put nowhere but on the clipboard.

import { countdown, decodeToken, describe, expiryOf } from '../auth/token'
import { button, el, json } from '../dom'

interface CurlParts {
  token: string
  api: string // origin of the API
}

export class TokenInspector {
  readonly element = el('section', { class: 'inspector', 'aria-labelledby': 'token', hidden: true })
  private ticking: ReturnType<typeof setInterval> | undefined
  private shown = ''

  constructor(private readonly parts: () => Promise<CurlParts>) {}

  // Shows the token that get resolves to. Without one there is nothing to show.
  async show(get: () => Promise<string>): Promise<void> {
    const token = await get().catch(() => '')
    if (token === this.shown) return
    this.stop()
    this.shown = token
    this.element.hidden = token === ''
    this.element.replaceChildren(...(token ? this.contents(token) : []))
  }

  stop(): void {
    clearInterval(this.ticking)
  }

  private contents(token: string): Node[] {
    const decoded = decodeToken(token)
    const said = el('p', { role: 'status' })
    const copy = button('Copy as curl', () => void this.copy(said))
    const heading = el('h2', { id: 'token' }, 'Your access token')
    if (!decoded) {
      return [heading, el('p', {}, 'It is opaque: only the tenant can read it. Tokens for an API of the tenant’s are not; is AUTH0_AUDIENCE set?'), el('p', {}, copy), said]
    }
    const rows = describe(decoded).flatMap(([term, words]) => [el('dt', {}, term), el('dd', {}, words)])
    return [
      heading,
      el('dl', {}, ...rows, el('dt', {}, 'Expires'), this.countdown(token)),
      el('p', {}, copy),
      said,
      el('details', {}, el('summary', {}, 'Header and claims'), json(decoded.header), json(decoded.claims)),
    ]
  }

  private countdown(token: string): HTMLElement {
    const expiry = expiryOf(token)
    const text = el('dd', { class: 'countdown' }, 'not said')
    if (expiry === undefined) return text
    const tick = () => {
      const left = expiry - Date.now() / 1000
      text.textContent = countdown(left)
      text.classList.toggle('over', left < 0)
    }
    tick()
    this.ticking = setInterval(tick, 1000)
    return text
  }

  // Copies a command that asks the API itself, past the dev server.
  private async copy(said: HTMLElement): Promise<void> {
    try {
      const { token, api } = await this.parts()
      await navigator.clipboard.writeText(`curl -H "Authorization: Bearer ${token}" ${api}/api/external`)
      said.textContent = 'Copied. Paste it in a terminal; the token in it is a secret.'
    } catch {
      said.textContent = 'The browser does not let this page copy. make -s token prints a token to use in a terminal.'
    }
  }
}
