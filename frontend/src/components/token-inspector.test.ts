import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { TokenInspector } from './token-inspector'

const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('=', '')
const token = (claims: unknown) => `${encode({ alg: 'RS256', kid: 'k1' })}.${encode(claims)}.c2ln`
const now = Date.UTC(2026, 0, 1)

beforeEach(() => vi.useFakeTimers({ now }))
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const inspector = (good: string) => new TokenInspector(() => Promise.resolve({ token: good, api: 'http://localhost:3001' }))

test('the countdown lives, and ends with the page', async () => {
  const view = inspector('')
  await view.show(() => Promise.resolve(token({ exp: now / 1000 + 2 })))
  const text = () => view.element.querySelector('.countdown')?.textContent
  expect(text()).toBe('in 2 s')
  vi.advanceTimersByTime(1000)
  expect(text()).toBe('in 1 s')
  vi.advanceTimersByTime(2000)
  expect(text()).toBe('1 s ago')
  view.stop()
  vi.advanceTimersByTime(5000)
  expect(text()).toBe('1 s ago')
})

test('the token is nowhere in the page', async () => {
  const view = inspector('')
  const secret = token({ sub: 'ada', exp: now / 1000 + 60 })
  await view.show(() => Promise.resolve(secret))
  expect(view.element.hidden).toBe(false)
  expect(view.element.textContent).toContain('ada')
  expect(view.element.outerHTML).not.toContain(secret)
  expect(view.element.outerHTML).not.toContain(secret.split('.')[1])
})

test('without a token there is nothing to see', async () => {
  const view = inspector('')
  await view.show(() => Promise.resolve(token({ sub: 'ada' })))
  await view.show(() => Promise.reject(new Error('login_required')))
  expect(view.element.hidden).toBe(true)
  expect(view.element.childElementCount).toBe(0)
})

test('an opaque token is said to be one', async () => {
  const view = inspector('')
  await view.show(() => Promise.resolve('opaque'))
  expect(view.element.textContent).toContain('opaque')
})

test.each([
  ['copies', (_: string) => Promise.resolve(), 'Copied'],
  ['is refused', (_: string) => Promise.reject(new Error('no')), 'does not let'],
])('Copy as curl %s', async (_, write, said) => {
  const written = vi.fn(write)
  vi.stubGlobal('navigator', { clipboard: { writeText: written } })
  const good = token({ sub: 'ada' })
  const view = inspector(good)
  await view.show(() => Promise.resolve(good))
  view.element.querySelector('button')?.click()
  await vi.waitFor(() => expect(view.element.querySelector('[role=status]')?.textContent).toContain(said))
  expect(written).toHaveBeenCalledWith(`curl -H "Authorization: Bearer ${good}" http://localhost:3001/api/external`)
})
