import { afterEach, expect, test, vi } from 'vitest'
import { decodeToken } from '../auth/token'
import { tamperings } from './tamper'

const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('=', '')
const access = `${encode({ alg: 'RS256', kid: '1' })}.${encode({ sub: 'auth0|ada', aud: 'api' })}.signature`
const tokens = { access, id: 'the.id.token', subject: 'auth0|ada' }
const make = (text: string) => tamperings.find((one) => one.text === text)?.make(tokens)

afterEach(() => vi.unstubAllGlobals())

test('one letter is changed, and the signature is the old one', () => {
  const token = String(make('Change one letter'))
  expect(decodeToken(token)?.claims).toEqual({ sub: 'auth0|adx', aud: 'api' })
  expect(token.split('.')[2]).toBe('signature')
})

test('without a signature, the header says so', () => {
  const token = String(make('Remove the signature'))
  expect(decodeToken(token)?.header).toEqual({ alg: 'none', kid: '1' })
  expect(token.endsWith('.')).toBe(true)
})

test('no token, and the ID token', () => {
  expect(make('Send no token')).toBeUndefined()
  expect(make('Send the ID token')).toBe('the.id.token')
})

test('the dev server makes the others', async () => {
  const fetched = vi.fn((_: string, init: RequestInit) => Promise.resolve(Response.json({ access_token: String(init.body) })))
  vi.stubGlobal('fetch', fetched)
  expect(await make('Use an expired token')).toBe('subject=auth0%7Cada&defect=expired')
  expect(fetched.mock.calls[0]?.[0]).toBe('/@dev/bad-token')
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('no such user', { status: 400 })))
  await expect(make('Use another API’s token')).rejects.toThrow('no such user')
})
