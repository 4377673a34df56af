// Shows the claims of the access token, how long it is valid, and how to use it in a
// terminal. The token itself goes to the clipboard only.

import { attempt } from '../attempt'
import { countdown, decodeToken, describe, expiryOf, thumbprintOf } from '../auth/token'
import { button, el, json } from '../dom'
import { type Session, tokenOf } from '../session'
import type { State } from '../state'

export class TokenInspector {
  readonly element = el('section', { class: 'inspector', 'aria-labelledby': 'token', hidden: true })
  private readonly unfollow: () => void
  private ticking: ReturnType<typeof setInterval> | undefined
  private url = `${location.origin}/api/external`

  constructor(session: State<Session>) {
    this.unfollow = session.followPart(tokenOf, (token) => this.show(token))
  }

  // Makes the copied command call the API at url directly, without the dev server.
  callAt(url: string | undefined): void {
    if (url) this.url = url
  }

  stop(): void {
    this.unfollow()
    clearInterval(this.ticking)
  }

  private show(token: string | undefined): void {
    clearInterval(this.ticking)
    this.element.hidden = token === undefined
    this.element.replaceChildren(...(token ? this.contents(token) : []))
  }

  private contents(token: string): Node[] {
    const decoded = decodeToken(token)
    const message = el('p', { role: 'status' })
    const copy = button('Copy as curl', () => attempt(this.copy(token, message)))
    const heading = el('h2', { id: 'token' }, 'Your access token')
    if (!decoded) {
      return [
        heading,
        el(
          'p',
          {},
          'It is opaque: only the tenant can read it. Tokens for one of the tenant’s APIs are not opaque; is AUTH0_AUDIENCE set?',
        ),
        el('p', {}, copy),
        message,
      ]
    }
    const rows = describe(decoded).flatMap(([term, words]) => [el('dt', {}, term), el('dd', {}, words)])
    return [
      heading,
      el('dl', {}, ...rows, el('dt', {}, 'Expires'), this.countdown(token)),
      ...(thumbprintOf(token)
        ? [
            el(
              'p',
              {},
              'It cannot be copied to a terminal: each request needs a proof by the key, which never leaves this browser. make call DPOP=1 makes a key of its own.',
            ),
          ]
        : [el('p', {}, copy), message]),
      el('details', {}, el('summary', {}, 'Header and claims'), json(decoded.header), json(decoded.claims)),
    ]
  }

  private countdown(token: string): HTMLElement {
    const expiry = expiryOf(token)
    const text = el('dd', { class: 'countdown' }, 'unknown')
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

  private async copy(token: string, message: HTMLElement): Promise<void> {
    try {
      await navigator.clipboard.writeText(`curl -H "Authorization: Bearer ${token}" "${this.url}"`)
      message.replaceChildren(el('span', {}, 'Copied. Paste it in a terminal; the token in it is a secret.'))
    } catch {
      message.replaceChildren(
        el('span', {}, 'The browser does not allow this page to copy. make -s token prints a token to use in a terminal.'),
      )
    }
  }
}
