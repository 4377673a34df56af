// Shows the claims of the access token, how long it is valid, and how to call the API in a
// terminal. The token itself goes to the clipboard only.

import { attempt } from '../attempt'
import { countdown, decodeToken, describe, expiryOf, thumbprintOf } from '../auth/token'
import { button, el } from '../dom'
import { profileOf, type Session, tokenOf } from '../session'
import type { State } from '../state'
import { ProofView } from './proof-view'
import { claimsOf, encoded } from './token-view'

export class TokenInspector {
  readonly element = el('section', { class: 'inspector', 'aria-labelledby': 'token', hidden: true })
  private readonly unfollow: () => void
  private ticking: ReturnType<typeof setInterval> | undefined
  private readonly proof = new ProofView()
  private url = `${location.origin}/api/external`
  private path = '/api/external' // of the last call
  private isLocal = false // the tenant is the dev server's own

  constructor(private readonly session: State<Session>) {
    this.unfollow = session.followPart(tokenOf, (token) => this.show(token))
  }

  // Makes the copied command call the API at url directly, without the dev server. isLocal says
  // that the tenant is the dev server's own, which makes tokens for any user.
  callAt(url: string | undefined, isLocal = false): void {
    if (url) this.url = url
    this.isLocal = isLocal
  }

  // Shows the DPoP proof that was sent with the last request, which was for path.
  async sent(path: string, proof: string): Promise<void> {
    this.path = path
    await this.proof.show(proof, thumbprintOf(tokenOf(this.session.value) ?? ''))
  }

  stop(): void {
    this.unfollow()
    clearInterval(this.ticking)
  }

  private show(token: string | undefined): void {
    clearInterval(this.ticking)
    this.proof.follow(thumbprintOf(token ?? ''))
    this.element.hidden = token === undefined
    this.element.replaceChildren(...(token ? this.contents(token) : []))
  }

  private contents(token: string): Node[] {
    const decoded = decodeToken(token)
    const message = el('p', { role: 'status' })
    const isBound = thumbprintOf(token) !== undefined
    const copy = isBound
      ? button('Copy as make call', () => attempt(this.copy(this.makeCall(), 'The command makes a token and a key of its own.', message)))
      : button('Copy as curl', () => attempt(this.copy(this.curl(token), 'The token in it is a secret.', message)))
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
      el('p', {}, copy),
      message,
      encoded(
        'access token',
        token,
        isBound ? 'Without the key of this browser it is useless.' : 'Treat it like a password: whoever has it can call the API.',
      ),
      el('details', {}, el('summary', {}, 'Header and claims'), claimsOf(token)),
      ...(isBound ? [this.proof.element] : []),
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

  private curl(token: string): string {
    return `curl -H "Authorization: Bearer ${token}" "${this.url}"`
  }

  // A proof is good for one request, and the key never leaves this browser, so a request
  // with a bound token cannot be copied.
  private makeCall(): string {
    const email = profileOf(this.session.value)?.email ?? ''
    const user = this.isLocal && /^[\w.+@-]+$/.test(email) ? ` USER=${email}` : ''
    return `make call PATH=${this.path}${user} DPOP=1`
  }

  private async copy(command: string, about: string, message: HTMLElement): Promise<void> {
    try {
      await navigator.clipboard.writeText(command)
      message.replaceChildren(el('span', {}, `Copied. Paste it in a terminal. ${about}`))
    } catch {
      message.replaceChildren(
        el('span', {}, 'The browser does not allow this page to copy. make call calls the API in a terminal; make token prints a token.'),
      )
    }
  }
}
