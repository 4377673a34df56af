import { expect, test } from 'vitest'
import type { ApiAnswer } from './api-service'
import { checksOf } from './checks'

const answer = (status: number, body: unknown, more: Partial<ApiAnswer> = {}): ApiAnswer => ({
  path: '/api/external',
  status,
  statusText: '',
  began: 0,
  milliseconds: 1,
  isJson: true,
  body,
  challenged: false,
  isPublic: false,
  trace: '',
  sent: { scheme: 'Bearer', token: 'x' },
  ...more,
})
const results = (one: ApiAnswer) => checksOf(one)?.map(({ name, result }) => `${name}: ${result}`)

test('a good answer has passed all checks', () => {
  expect(results(answer(200, {}))).toEqual([
    'The request has one token: passed',
    'It is a signed JWT: passed',
    'Issuer: passed',
    'Audience: passed',
    'Time and kind: passed',
    'Key and signature: passed',
    'Scope: passed',
  ])
})

test('what comes after a failed check is not checked', () => {
  expect(results(answer(401, { error: 'invalid_token', reason: 'expired' }))?.slice(3)).toEqual([
    'Audience: passed',
    'Time and kind: failed',
    'Key and signature: not checked',
    'Scope: not checked',
  ])
})

test('a bound token has a proof', () => {
  expect(results(answer(200, {}, { sent: { scheme: 'DPoP', token: 'x' } }))).toContain('Proof of the key: passed')
  expect(results(answer(401, { error: 'invalid_token', reason: 'binding' }))).toContain('Proof of the key: failed')
})

test.each([
  ['a public path', answer(200, {}, { isPublic: true })],
  ['another server', answer(404, { message: 'no' })],
  ['a page', answer(200, '<p>', { isJson: false })],
  ['a reason of another server', answer(401, { error: 'x', reason: 'because' })],
  ['the dev server', answer(502, { error: 'bad_gateway' })],
])('%s says nothing of checks', (_, one) => {
  expect(checksOf(one)).toBeUndefined()
})
