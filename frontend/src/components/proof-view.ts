// Shows the DPoP proof of the last request (RFC 9449 §4.2), and whether its key is the one
// that the token is bound to.

import { type Claims, decodeToken, thumbprintOfKey } from '../auth/token'
import { el, json } from '../dom'

export class ProofView {
  readonly element = el('div', { class: 'proof' })
  private jkt: string | undefined

  constructor() {
    this.clear()
  }

  // Removes the proof if the token is bound to another key now.
  follow(jkt: string | undefined): void {
    if (jkt !== this.jkt) this.clear()
  }

  private clear(): void {
    this.jkt = undefined
    this.element.replaceChildren(el('h3', {}, 'The last proof'), el('p', {}, 'None was sent since this page was loaded.'))
  }

  // Shows proof, for a token that is bound to the key with the thumbprint jkt.
  async show(proof: string, jkt: string | undefined): Promise<void> {
    const decoded = decodeToken(proof)
    if (!decoded) return
    const { header, claims } = decoded
    const key = await thumbprintOfKey(header['jwk'])
    const isSame = key !== undefined && key === jkt
    this.jkt = jkt
    const rows: [term: string, words: string][] = [
      ['Key of the token', jkt ?? 'none'],
      ['Key of the proof', `${key ?? 'unknown'} ${isSame ? '✓ the same' : '✗ another one'}`],
      ['For', `${word(claims, 'htm')} ${word(claims, 'htu')}, once`],
      ['Made', typeof claims['iat'] === 'number' ? new Date(claims['iat'] * 1000).toLocaleString() : 'unknown'],
      ['Nonce', claims['nonce'] === undefined ? 'none: the API has not asked for one' : 'one of the API'],
    ]
    this.element.replaceChildren(
      el('h3', {}, 'The last proof'),
      el('dl', {}, ...rows.flatMap(([term, words]) => [el('dt', {}, term), el('dd', {}, words)])),
      el(
        'details',
        {},
        el('summary', {}, 'Header and claims of the proof'),
        json('Header of the proof', header),
        json('Claims of the proof', claims),
      ),
    )
  }
}

function word(claims: Claims, name: string): string {
  const value = claims[name]
  return typeof value === 'string' ? value : 'unknown'
}
