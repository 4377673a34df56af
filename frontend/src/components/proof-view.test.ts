import { expect, test } from 'vitest'
import { ProofView } from './proof-view'

const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_')
// The key and the thumbprint of RFC 9449 §4.1 and §6.1.
const jwk = {
  kty: 'EC',
  x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
  y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
  crv: 'P-256',
}
const jkt = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'
const proof = (claims: object, key: unknown = jwk) =>
  `${encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: key })}.${encode({ htm: 'GET', htu: 'https://a.test/m', iat: 0, ...claims })}.c2ln`

test('before the first request', () => {
  expect(new ProofView().element.textContent).toContain('None was sent')
})

test.each([
  ['by the key of the token', proof({}), jkt, ['✓ the same', jkt, 'GET https://a.test/m, once', 'none: the API']],
  ['by another key', proof({}), 'other', ['✗ another one', 'other', jkt]],
  ['with a nonce', proof({ nonce: 'n' }), jkt, ['one of the API']],
  ['by an RSA key, for a bearer token', proof({}, { kty: 'RSA' }), undefined, ['unknown ✗', 'none']],
  ['of the year 2026', proof({ iat: 1_767_268_800 }), jkt, ['2026']],
  ['without a time', proof({ iat: '1' }), jkt, ['unknown', '"iat": "1"']],
  ['by a key of another curve', proof({}, { ...jwk, crv: 'P-384' }), jkt, ['unknown ✗']],
  ['by an RSA key', proof({}, { kty: 'RSA' }), jkt, ['unknown ✗']],
  ['without a key', proof({ iat: undefined, htm: 1 }, null), jkt, ['unknown ✗', 'unknown https']],
])('a proof %s', async (_, sent, bound, words) => {
  const view = new ProofView()
  await view.show(sent, bound)
  for (const word of words) expect(view.element.textContent).toContain(word)
  expect(view.element.querySelectorAll('h3')).toHaveLength(1)
})

test('a proof is removed with its key', async () => {
  const view = new ProofView()
  await view.show(proof({}), jkt)
  view.follow(jkt)
  expect(view.element.textContent).toContain('✓ the same')
  view.follow('other')
  expect(view.element.textContent).toContain('None was sent')
})

test('what is not a proof changes nothing', async () => {
  const view = new ProofView()
  await view.show('garbage', jkt)
  expect(view.element.textContent).toContain('None was sent')
})
