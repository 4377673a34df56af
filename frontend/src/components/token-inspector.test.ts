import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Session } from '../session'
import { State } from '../state'
import { TokenInspector } from './token-inspector'

const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('=', '')
const token = (claims: unknown) => `${encode({ alg: 'RS256', kid: 'k1' })}.${encode(claims)}.c2ln`
const session = (token: string): Session => ({ kind: 'signed in', profile: {}, token })
const signedIn = (token: string) => new State<Session>(session(token))
const now = Date.UTC(2026, 0, 1)

beforeEach(() => vi.useFakeTimers({ now }))
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test('the countdown runs, and ends with the page', () => {
  const current = signedIn(token({ exp: now / 1000 + 2 }))
  const view = new TokenInspector(current)
  const text = () => view.element.querySelector('.countdown')?.textContent
  expect(text()).toBe('in 2 s')
  vi.advanceTimersByTime(1000)
  expect(text()).toBe('in 1 s')
  vi.advanceTimersByTime(2000)
  expect(text()).toBe('1 s ago')
  current.set(session(token({ exp: now / 1000 + 63 }))) // it was renewed
  expect(text()).toBe('in 1 min 0 s')
  view.stop()
  expect(vi.getTimerCount()).toBe(0)
  current.set(session(token({ exp: now / 1000 + 3600 })))
  expect(text()).toBe('in 1 min 0 s')
})

test('the page does not contain the token', () => {
  const secret = token({ sub: 'ada', exp: now / 1000 + 60 })
  const { element } = new TokenInspector(signedIn(secret))
  expect(element.hidden).toBe(false)
  expect(element.textContent).toContain('ada')
  expect(element.outerHTML).not.toContain(secret)
  expect(element.outerHTML).not.toContain(secret.split('.')[1])
})

test('without a token it shows nothing', () => {
  const current = signedIn(token({ sub: 'ada' }))
  const { element } = new TokenInspector(current)
  current.set({ kind: 'signed out', reason: 'expired' })
  expect(element.hidden).toBe(true)
  expect(element.childElementCount).toBe(0)
})

test('a bound token is copied as a command that makes another one, and its last proof is shown', async () => {
  const written = vi.fn((_: string) => Promise.resolve())
  vi.stubGlobal('navigator', { clipboard: { writeText: written } })
  const bound = token({ sub: 'ada', cnf: { jkt: 'KEY' } })
  const current = new State<Session>({ kind: 'signed in', profile: { email: 'ada@example.com' }, token: bound })
  const view = new TokenInspector(current)
  view.callAt(undefined, true)
  expect(view.element.textContent).toContain('None was sent')
  view.element.querySelector('button')?.click()
  await vi.waitFor(() => expect(view.element.textContent).toContain('Copied'))
  expect(written).toHaveBeenLastCalledWith('make call PATH=/api/external USER=ada@example.com DPOP=1')
  await view.sent('/api/private-scoped', token({ htm: 'GET', htu: 'http://a.test/m' }))
  expect(view.element.textContent).toContain('GET http://a.test/m')
  current.set({ kind: 'signed in', profile: { email: 'ada$(x)@example.com' }, token: bound }) // the profile of a stranger
  view.element.querySelector('button')?.click()
  await vi.waitFor(() => expect(written).toHaveBeenCalledTimes(2))
  expect(written).toHaveBeenLastCalledWith('make call PATH=/api/private-scoped DPOP=1')
  view.callAt(undefined, false) // a tenant where nobody can ask for a user's token
  current.set({ kind: 'signed in', profile: { email: 'ada@example.com' }, token: token({ sub: 'b', cnf: { jkt: 'KEY' } }) })
  expect(view.element.textContent).toContain('GET http://a.test/m') // the key is the same
  view.element.querySelector('button')?.click()
  await vi.waitFor(() => expect(written).toHaveBeenCalledTimes(3))
  expect(written).toHaveBeenLastCalledWith('make call PATH=/api/private-scoped DPOP=1')
  current.set({ kind: 'signed in', profile: {}, token: token({ sub: 'ada' }) })
  expect(view.element.textContent).not.toContain('The last proof')
})

test('an opaque token is named as such', () => {
  expect(new TokenInspector(signedIn('opaque')).element.textContent).toContain('opaque')
})

test.each([
  ['copies', (_: string) => Promise.resolve(), 'Copied'],
  ['is refused', (_: string) => Promise.reject(new Error('no')), 'does not allow'],
])('Copy as curl %s', async (_, write, said) => {
  const written = vi.fn(write)
  vi.stubGlobal('navigator', { clipboard: { writeText: written } })
  const good = token({ sub: 'ada' })
  const view = new TokenInspector(signedIn(good))
  view.callAt('http://localhost:3001/api/external')
  view.callAt(undefined) // nothing is known: what was, stays
  view.element.querySelector('button')?.click()
  await vi.waitFor(() => expect(view.element.querySelector('[role=status]')?.textContent).toContain(said))
  expect(written).toHaveBeenCalledWith(`curl -H "Authorization: Bearer ${good}" "http://localhost:3001/api/external"`)
})
