import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ApiService, NetworkError, TokenError } from './api-service'

const fetched = vi.fn<(path: string, init: { headers: Headers; signal: AbortSignal }) => Promise<Response>>()
const getToken = vi.fn((_: { fresh: boolean; scope: string }) => Promise.resolve('TOKEN'))

beforeEach(() => {
  vi.stubGlobal('fetch', fetched)
  fetched.mockReset()
  getToken.mockClear()
})
afterEach(() => vi.unstubAllGlobals())

const sent = () => fetched.mock.calls[0]?.[1].headers.get('Authorization')

test('ping sends the token and reads the answer', async () => {
  fetched.mockResolvedValue(new Response('{"msg":"yes"}', { status: 200, statusText: 'OK' }))
  const answer = await new ApiService(getToken).ping()
  expect(answer).toMatchObject({ path: '/api/external', status: 200, statusText: 'OK', isJson: true, body: { msg: 'yes' } })
  expect(answer.milliseconds).toBeGreaterThanOrEqual(0)
  expect(sent()).toBe('Bearer TOKEN')
})

test('a bound token is sent by whoever adds a proof', async () => {
  const send = vi.fn((_path: string, _init: RequestInit, _token: string) =>
    Promise.resolve({ response: new Response('{}'), proof: 'PROOF' }),
  )
  expect(await new ApiService(getToken, send).ping()).toMatchObject({ status: 200, proof: 'PROOF' })
  expect(send).toHaveBeenCalledWith('/api/external', expect.anything(), 'TOKEN')
  expect(fetched).not.toHaveBeenCalled()
})

test('a public call needs no token', async () => {
  fetched.mockResolvedValue(new Response('{}'))
  await new ApiService(getToken).call('/api/public', { isPublic: true })
  expect(getToken).not.toHaveBeenCalled()
  expect(sent()).toBeNull()
})

test('a fresh token, and one with a scope, are requested', async () => {
  fetched.mockResolvedValue(new Response('{}'))
  await new ApiService(getToken).call('/api/external', { fresh: true, scope: 'read:messages' })
  expect(getToken).toHaveBeenCalledWith({ fresh: true, scope: 'read:messages' })
})

test('a body that is not JSON is kept as text', async () => {
  fetched.mockResolvedValue(new Response('<!doctype html>', { status: 200 }))
  expect(await new ApiService(getToken).ping()).toMatchObject({ isJson: false, body: '<!doctype html>' })
})

test('the challenge’s scope', async () => {
  const challenge = 'Bearer realm="api", error="insufficient_scope", error_description="x", scope="read:messages"'
  fetched.mockResolvedValue(new Response('{}', { status: 403, headers: { 'WWW-Authenticate': challenge } }))
  expect(await new ApiService(getToken).ping()).toMatchObject({ status: 403, challenged: true, scope: 'read:messages' })
})

test('a missing token and a missing answer are different errors', async () => {
  const refused = new ApiService(() => Promise.reject(new Error('login_required')))
  await expect(refused.ping()).rejects.toBeInstanceOf(TokenError)
  expect(fetched).not.toHaveBeenCalled()
  fetched.mockRejectedValue(new TypeError('Failed to fetch'))
  await expect(new ApiService(getToken).ping()).rejects.toMatchObject({ kind: 'none' })
  const half = new ReadableStream({ start: (stream) => stream.error(new TypeError('terminated')) })
  fetched.mockResolvedValue(new Response(half))
  await expect(new ApiService(getToken).ping()).rejects.toMatchObject({ kind: 'broken off' })
})

test('a call ends when its signal is aborted', async () => {
  fetched.mockImplementation(
    (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted')))),
  )
  const left = new AbortController()
  const call = new ApiService(getToken).ping({ signal: left.signal })
  await vi.waitFor(() => expect(fetched).toHaveBeenCalled())
  left.abort()
  await expect(call).rejects.toBeInstanceOf(NetworkError)
})
