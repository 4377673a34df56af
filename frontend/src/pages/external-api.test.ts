import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type ApiAnswer, ApiService, type CallOptions } from '../api/api-service'
import type { AuthService } from '../auth/auth-service'
import type { Session } from '../session'
import { State } from '../state'
import { externalApi } from './external-api'

const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('=', '')
const token = `${encode({ alg: 'RS256' })}.${encode({ sub: 'ada', exp: 4e9 })}.s`
const good: ApiAnswer = {
  path: '/api/external',
  status: 200,
  statusText: 'OK',
  began: 0,
  milliseconds: 1,
  isJson: true,
  body: { msg: 'yes' },
  challenged: false,
  isPublic: false,
  trace: '',
}

const auth = {
  session: new State<Session>({ kind: 'signed in', profile: { sub: 'ada' }, token }),
  getToken: vi.fn(() => Promise.resolve(token)),
  getIdToken: () => Promise.resolve('id'),
  askedScopes: () => [] as string[],
  login: vi.fn(() => Promise.resolve()),
}
const api = {
  ping: vi.fn<(options: CallOptions) => Promise<ApiAnswer>>(),
  call: vi.fn<(path: string, options: CallOptions) => Promise<ApiAnswer>>(),
}

let page: ReturnType<typeof externalApi>
let root: HTMLElement
beforeEach(() => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('{}', { status: 404 })))
  vi.clearAllMocks()
  page = externalApi(api as unknown as ApiService, auth as unknown as AuthService)
  root = page.content as HTMLElement
  document.body.replaceChildren(root)
})
afterEach(() => {
  page.leave?.()
  vi.unstubAllGlobals()
})

const press = (text: string) => {
  const button = [...root.querySelectorAll('button')].find((one) => one.textContent === text)
  button?.focus()
  button?.click()
}
const live = () => root.querySelector('[aria-live]')?.textContent ?? ''

test('one call at a time', async () => {
  let answer: (answer: ApiAnswer) => void = () => undefined
  api.ping.mockReturnValue(new Promise((resolve) => (answer = resolve)))
  press('Ping API')
  press('Ping API')
  press('Call public')
  expect(api.ping).toHaveBeenCalledOnce()
  expect(api.call).not.toHaveBeenCalled()
  const others = [...root.querySelectorAll<HTMLButtonElement>('.calls button')].filter((one) => !one.disabled)
  expect(others.map((one) => one.getAttribute('aria-disabled'))).toEqual(Array(7).fill('true'))
  answer(good)
  await vi.waitFor(() => expect(live()).toContain('200 OK'))
  expect(root.querySelector('[aria-disabled=true], [aria-busy=true]')).toBeNull()
})

test('the live region has a summary, not the answer', async () => {
  api.ping.mockResolvedValue({ ...good, body: { long: 'x'.repeat(50_000) } })
  press('Ping API')
  await vi.waitFor(() => expect(root.querySelector('pre')?.textContent).toMatch(/…$/))
  expect(live().length).toBeLessThan(100)
})

test('the private call requests its scope, the public one no token', async () => {
  api.call.mockResolvedValue(good)
  press('Call private')
  await vi.waitFor(() => expect(live()).toContain('200'))
  expect(api.call).toHaveBeenLastCalledWith('/api/private-scoped', expect.objectContaining({ scope: 'read:messages', fresh: false }))
  press('Call public')
  await vi.waitFor(() => expect(api.call).toHaveBeenLastCalledWith('/api/public', expect.objectContaining({ isPublic: true })))
})

test('a removed remedy returns the focus to the button of the call', async () => {
  api.ping.mockResolvedValueOnce({ ...good, status: 401, body: { reason: 'expired' } })
  press('Ping API')
  await vi.waitFor(() => expect(live()).toContain('Get a fresh token'))
  api.ping.mockResolvedValueOnce(good)
  press('Get a fresh token and try again')
  await vi.waitFor(() => expect(live()).toContain('200 OK'))
  expect(api.ping).toHaveBeenLastCalledWith(expect.objectContaining({ fresh: true }))
  expect(document.activeElement?.textContent).toBe('Ping API')
})

test.each([
  [{ error: 'consent_required' }, 'Agree at the tenant', { prompt: 'consent' }],
  [{ error: 'mfa_required' }, 'Log in again', undefined],
])('%j is answered by a login', async (cause, text, options) => {
  const service = new ApiService(() => Promise.reject(Object.assign(new Error('no'), cause)))
  api.ping.mockImplementation((given) => service.ping(given))
  press('Ping API')
  await vi.waitFor(() => expect(live()).toContain(text))
  press(text)
  expect(auth.login).toHaveBeenCalledWith('/', ...(options ? [options] : []))
})

test('leaving the page ends its calls and timers', async () => {
  vi.useFakeTimers()
  let options: CallOptions = {}
  let fail: (error: Error) => void = () => undefined
  api.ping.mockImplementation((given) => {
    options = given
    return new Promise((_, reject) => (fail = reject))
  })
  press('Ping API')
  page.leave?.()
  expect(options.signal?.aborted).toBe(true)
  fail(new Error('aborted'))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(live()).toBe('Waiting for the API…')
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

test('the proof of a call is shown', async () => {
  const bound = `${encode({ alg: 'RS256' })}.${encode({ sub: 'ada', exp: 4e9, cnf: { jkt: 'KEY' } })}.s`
  auth.session.set({ kind: 'signed in', profile: { sub: 'ada' }, token: bound })
  api.ping.mockResolvedValue({ ...good, proof: `${encode({})}.${encode({ htm: 'GET', htu: 'http://a.test/api/external' })}.s` })
  press('Ping API')
  await vi.waitFor(() => expect(root.textContent).toContain('GET http://a.test/api/external'))
  auth.session.set({ kind: 'signed in', profile: { sub: 'ada' }, token })
})

test('earlier calls stay, the newest first', async () => {
  api.ping.mockResolvedValue(good)
  api.call.mockResolvedValue({ ...good, path: '/api/private-scoped', status: 403, body: { error: 'insufficient_scope', reason: 'scope' } })
  const titles = () => [...root.querySelectorAll('.earlier summary')].map((one) => one.textContent)
  for (const [text, status] of [
    ['Call private', '403'],
    ['Ping API', '200'],
    ['Ping API', '200'],
  ] as const) {
    press(text)
    await vi.waitFor(() => expect(live()).toContain(status))
    await vi.waitFor(() => expect(root.querySelector('[aria-busy]')).toBeNull())
  }
  expect(titles()).toEqual(['Ping API: GET /api/external → 200', 'Call private: GET /api/private-scoped → 403'])
  expect(root.querySelector('.earlier')?.textContent).toContain('Scope: failed')
})

test('a tampered token is sent instead, and its rejection is what must be', async () => {
  api.call.mockResolvedValue({
    ...good,
    status: 401,
    body: { error: 'invalid_token', error_description: 'It is forged', reason: 'signature' },
  })
  press('Change one letter')
  await vi.waitFor(() => expect(live()).toContain('Rejected, as it must be. It is forged'))
  const sent = api.call.mock.calls[0]?.[1].token
  expect(sent).not.toBe(token)
  expect(sent?.endsWith('.s')).toBe(true)
  press('Send no token')
  await vi.waitFor(() => expect(api.call.mock.calls[1]?.[1].token).toBeNull())
  api.call.mockResolvedValue(good)
  await vi.waitFor(() => expect(root.querySelector('[aria-busy]')).toBeNull())
  press('Remove the signature')
  await vi.waitFor(() => expect(live()).toContain('Not rejected.'))
})

test('without the local tenant, tokens that it makes are off', async () => {
  await vi.waitFor(() => expect(root.querySelector('.tampering')?.textContent).toContain('Three buttons are disabled'))
  expect([...root.querySelectorAll<HTMLButtonElement>('.tampering button')].filter((one) => one.disabled)).toHaveLength(3)
})
