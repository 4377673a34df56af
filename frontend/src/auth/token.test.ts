import { describe, expect, test } from 'vitest'
import { countdown, decodeToken, expiryOf, describe as inWords, thumbprintOf } from './token'

const encode = (value: unknown) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
const jwt = (claims: unknown, header: unknown = { alg: 'RS256', kid: 'k1' }) => `${encode(header)}.${encode(claims)}.c2ln`

describe('decodeToken', () => {
  test('reads header and claims', () => {
    expect(decodeToken(jwt({ sub: 'Zoë ✓', n: [1] }))).toEqual({ header: { alg: 'RS256', kid: 'k1' }, claims: { sub: 'Zoë ✓', n: [1] } })
  })
  test.each([
    ['opaque', 'abc'],
    ['nothing', ''],
    ['two parts', 'e30.e30'],
    ['five parts, encrypted', 'e30.e30.a.b.c'],
    ['no base64', '!!.e30.c'],
    ['no JSON', `${encode('{')}.e30.c`],
    ['a list', jwt([])],
    ['null', jwt(null)],
    ['no UTF-8', `e30.${btoa('{"a":"\xff"}')}.c`],
  ])('%s is none', (_, token) => {
    expect(decodeToken(token)).toBeUndefined()
  })
})

test.each([
  [{ exp: 5 }, 5],
  [{ exp: '5' }, undefined],
  [{}, undefined],
])('expiryOf %j', (claims, want) => {
  expect(expiryOf(jwt(claims))).toBe(want)
})

test.each([
  [{ cnf: { jkt: 'abc', kid: '1' } }, 'abc', 'this browser, by its key abc'],
  [{ cnf: { jkt: 7 } }, undefined, 'nothing: whoever has it can use it'],
  [{ cnf: null }, undefined, 'nothing: whoever has it can use it'],
  [{}, undefined, 'nothing: whoever has it can use it'],
])('thumbprintOf %j', (claims, want, words) => {
  expect(thumbprintOf(jwt(claims))).toBe(want)
  expect(Object.fromEntries(inWords(decodeToken(jwt(claims)) ?? { header: {}, claims: {} }))).toMatchObject({ 'Bound to': words })
})

describe('in words', () => {
  const words = (claims: unknown, header?: unknown) =>
    Object.fromEntries(inWords(decodeToken(jwt(claims, header)) ?? { header: {}, claims: {} }))
  test('a token of a user', () => {
    expect(
      words({
        iss: 'https://t/',
        aud: ['https://api', 'https://t/userinfo'],
        sub: 'auth0|ada',
        azp: 'spa',
        scope: 'openid  read:x',
        permissions: ['read:x'],
      }),
    ).toMatchObject({
      'Issued by': 'https://t/',
      Audience: 'https://api and https://t/userinfo',
      User: 'auth0|ada',
      'Issued to the app': 'spa',
      Scopes: 'openid, read:x',
      Permissions: 'read:x',
      Signature: 'RS256 with the key k1',
    })
  })
  test('a token without claims', () => {
    expect(words({ scope: 3 }, {})).toMatchObject({
      'Issued by': 'unknown',
      Audience: 'unknown',
      Scopes: 'none',
      Permissions: 'none in the token',
      Signature: 'unknown',
      Issued: 'unknown',
    })
  })
})

test.each([
  [0, 'in 0 s'],
  [59.9, 'in 59 s'],
  [60, 'in 1 min 0 s'],
  [7199, 'in 1 h 59 min'],
  [90061, 'in 1 d 1 h'],
  [-5, '5 s ago'],
])('countdown of %d s', (seconds, words) => {
  expect(countdown(seconds)).toBe(words)
})
