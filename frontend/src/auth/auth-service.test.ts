import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { tokenOf } from '../session'
import { AuthService, LoginError } from './auth-service'
import type { News } from './other-tabs'

const client = {
  getUser: vi.fn<() => Promise<unknown>>(),
  getTokenSilently: vi.fn<(options: unknown) => Promise<string | undefined>>(),
  loginWithRedirect: vi.fn<(options: Record<string, unknown>) => Promise<void>>(),
  handleRedirectCallback: vi.fn<(url: string) => Promise<unknown>>(),
  logout: vi.fn<(options: unknown) => Promise<void>>(),
  createFetcher: vi.fn<(config: { dpopNonceId: string; getAccessToken: () => Promise<unknown>; fetch: typeof fetch }) => unknown>(),
}
const create = vi.fn<(options: unknown) => Promise<typeof client>>()
vi.mock('@auth0/auth0-spa-js', () => ({ createAuth0Client: (options: unknown) => create(options) }))

const config = { domain: 'http://tenant', clientId: 'spa', audience: 'http://api' }
const loadConfig = vi.fn(() => Promise.resolve(config))
let tell: (news: News) => void
const tabs = {
  tell: vi.fn((_: News) => undefined),
  follow: (follower: (news: News) => void) => {
    tell = follower
  },
}
const coded = (error: string, more = {}) => Object.assign(new Error(error), { error, ...more })

let auth: AuthService
afterEach(() => vi.unstubAllGlobals())
beforeEach(() => {
  vi.resetAllMocks()
  sessionStorage.clear()
  loadConfig.mockResolvedValue(config)
  create.mockResolvedValue(client)
  client.getUser.mockResolvedValue({ sub: 'ada' })
  client.getTokenSilently.mockResolvedValue('opaque')
  auth = new AuthService(loadConfig, tabs)
})

test('the client is created on first use, and once', async () => {
  expect(create).not.toHaveBeenCalled()
  expect(auth.isAuthenticated).toBeUndefined()
  await Promise.all([auth.ready(), auth.getToken(), auth.getToken()])
  expect(create).toHaveBeenCalledOnce()
  expect(create.mock.calls[0]?.[0]).toMatchObject({
    domain: 'http://tenant',
    authorizationParams: { audience: 'http://api', redirect_uri: `${location.origin}/callback` },
  })
})

test('a bound token is sent by the SDK, with a proof', async () => {
  loadConfig.mockResolvedValue({ ...config, dpop: true } as typeof config)
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('{}')))
  const fetchWithAuth = vi.fn((url: URL, _init: RequestInit) => {
    const request = (proof: string) => client.createFetcher.mock.calls[0]?.[0].fetch(new Request(url, { headers: { DPoP: proof } }))
    return Promise.resolve(request('first')).then(() => request('second')) // after a challenge
  })
  client.createFetcher.mockReturnValue({ fetchWithAuth })
  const init = { headers: { Accept: 'application/json' } }
  const { response, proof } = await auth.sendBound('/api/external', init, 'TOKEN')
  expect(response.status).toBe(200)
  expect(proof).toBe('second')
  expect(create.mock.calls[0]?.[0]).toMatchObject({ useDpop: true })
  expect(fetchWithAuth).toHaveBeenCalledWith(new URL('/api/external', location.origin), init)
  const given = client.createFetcher.mock.calls[0]?.[0]
  expect(given?.dpopNonceId).toBe('api')
  expect(await given?.getAccessToken()).toMatchObject({ access_token: 'TOKEN', token_type: 'DPoP' })
})

test('a client that could not be created is created on the next use', async () => {
  loadConfig.mockRejectedValueOnce(new Error('no dev server'))
  await expect(auth.ready()).rejects.toThrow('no dev server')
  expect(await auth.ready()).toBe(true)
})

test.each([
  ['signed in', { sub: 'ada' }, true],
  ['signed out', undefined, false],
])('%s is logged in', async (_, user, authenticated) => {
  client.getUser.mockResolvedValue(user)
  expect(await auth.ready()).toBe(authenticated)
  expect(auth.profile).toEqual(user)
})

describe('the end of a session', () => {
  beforeEach(() => auth.ready())

  test('is noticed when a token is requested', async () => {
    client.getTokenSilently.mockRejectedValue(coded('login_required'))
    await expect(auth.getToken()).rejects.toThrow('login_required')
    expect(auth.session.value).toEqual({ kind: 'signed out', reason: 'expired' })
  })

  test('is not assumed after other errors', async () => {
    client.getTokenSilently.mockRejectedValue(coded('consent_required'))
    await expect(auth.getToken()).rejects.toThrow('consent_required')
    expect(auth.isAuthenticated).toBe(true)
  })

  test('in another tab is noticed', () => {
    tell('logged-out')
    expect(auth.session.value).toEqual({ kind: 'signed out', reason: 'in another tab' })
  })

  test('and a login there starts the next', async () => {
    tell('logged-out')
    client.getUser.mockResolvedValue({ sub: 'charles' })
    tell('logged-in')
    await vi.waitFor(() => expect(auth.profile).toEqual({ sub: 'charles' }))
    expect(create).toHaveBeenCalledTimes(2)
    expect(auth.isAuthenticated).toBe(true)
  })
})

describe('messages of other tabs', () => {
  test('keep the session where the browser hides the tenant’s cookie', async () => {
    await auth.ready()
    create.mockResolvedValueOnce({ ...client, getUser: vi.fn(() => Promise.resolve(undefined)) })
    tell('logged-in')
    await vi.waitFor(() => expect(create).toHaveBeenCalledTimes(2))
    await Promise.resolve()
    expect([auth.isAuthenticated, auth.profile]).toEqual([true, { sub: 'ada' }])
    expect(await auth.getToken()).toBe('opaque') // of the client that there was
  })

  test('win over an older answer that is still in flight', async () => {
    let answer: (user: unknown) => void = () => undefined
    client.getUser.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)))
    const ready = auth.ready()
    await vi.waitFor(() => expect(client.getUser).toHaveBeenCalled())
    tell('logged-out')
    answer({ sub: 'ada' })
    expect(await ready).toBe(false)
    expect(auth.profile).toBeUndefined()
  })

  test('are handled while the client is still being created', async () => {
    let made: (one: typeof client) => void = () => undefined
    create.mockReturnValueOnce(new Promise((resolve) => (made = resolve)))
    const ready = auth.ready()
    await vi.waitFor(() => expect(create).toHaveBeenCalled())
    tell('logged-out')
    made(client)
    expect(await ready).toBe(false)
    expect([auth.profile, tokenOf(auth.session.value)]).toEqual([undefined, undefined])
  })

  test('leave no token of the user before', async () => {
    await auth.ready()
    client.getUser.mockResolvedValue({ sub: 'charles' })
    client.getTokenSilently.mockRejectedValue(coded('timeout'))
    tell('logged-in')
    await vi.waitFor(() => expect(auth.profile).toEqual({ sub: 'charles' }))
    expect(tokenOf(auth.session.value)).toBeUndefined()
  })

  test('end a token request in flight', async () => {
    await auth.ready()
    let answer: (token: string) => void = () => undefined
    client.getTokenSilently.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)))
    const token = auth.getToken()
    await vi.waitFor(() => expect(client.getTokenSilently).toHaveBeenCalledTimes(2))
    tell('logged-out')
    answer('too late')
    await expect(token).rejects.toMatchObject({ error: 'login_required' })
    expect(tokenOf(auth.session.value)).toBeUndefined()
    await expect(auth.getToken()).rejects.toMatchObject({ error: 'login_required' })
    expect(create).toHaveBeenCalledOnce() // no login happens without the user
  })

  test.each(['', 'read:messages', 'adam\nread:messages', '{"sub":"ada"}'])('stored scopes %j are ignored', async (kept) => {
    await auth.ready()
    sessionStorage.setItem('scopes', kept)
    expect(auth.askedScopes()).toEqual([])
    expect(await auth.getToken({ scope: 'read:messages' })).toBe('opaque')
  })

  test('another user does not inherit the scopes of the first', async () => {
    await auth.ready()
    sessionStorage.setItem('scopes', 'ada\nread:messages')
    expect(auth.askedScopes()).toEqual(['read:messages'])
    client.getUser.mockResolvedValue({ sub: 'charles' })
    tell('logged-in')
    await vi.waitFor(() => expect(auth.profile).toEqual({ sub: 'charles' }))
    expect(auth.askedScopes()).toEqual([])
  })
})

test('a renewal that fails is repeated', async () => {
  vi.useFakeTimers({ now: 0 })
  const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('=', '')
  client.getTokenSilently.mockResolvedValueOnce(`${encode({})}.${encode({ exp: 60 })}.s`)
  client.getTokenSilently.mockRejectedValueOnce(coded('timeout'))
  await auth.ready()
  await vi.advanceTimersByTimeAsync(62_000)
  expect(client.getTokenSilently).toHaveBeenCalledTimes(2)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(client.getTokenSilently).toHaveBeenCalledTimes(3)
  expect(auth.isAuthenticated).toBe(true)
  vi.useRealTimers()
})

test('a wrong clock causes no burst of renewals', async () => {
  vi.useFakeTimers({ now: 1_000_000 })
  const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('=', '')
  client.getTokenSilently.mockResolvedValue(`${encode({})}.${encode({ exp: 60 })}.s`)
  await auth.ready()
  await vi.advanceTimersByTimeAsync(180_000)
  expect(client.getTokenSilently.mock.calls.length).toBeLessThan(5)
  vi.useRealTimers()
})

test('the token is renewed when it expires', async () => {
  vi.useFakeTimers({ now: 0 })
  const encode = (value: unknown) => btoa(JSON.stringify(value)).replaceAll('=', '')
  client.getTokenSilently.mockResolvedValue(`${encode({})}.${encode({ exp: 60 })}.s`)
  await auth.ready()
  client.getTokenSilently.mockClear()
  client.getTokenSilently.mockRejectedValue(coded('login_required'))
  await vi.advanceTimersByTimeAsync(59_000)
  expect(client.getTokenSilently).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(3_000)
  expect(auth.isAuthenticated).toBe(false)
  vi.useRealTimers()
})

test('the login is started with the page’s options', async () => {
  const assign = vi.spyOn(location, 'assign').mockImplementation(() => undefined)
  const replace = vi.spyOn(location, 'replace').mockImplementation(() => undefined)
  type Options = { openUrl: (url: string) => void; authorizationParams: unknown }
  const options = () => client.loginWithRedirect.mock.lastCall?.[0] as unknown as Options
  await auth.login('/', { prompt: 'consent' })
  expect(options().authorizationParams).toEqual({ prompt: 'consent' })
  options().openUrl('a')
  expect([assign.mock.calls, replace.mock.calls]).toEqual([[['a']], []])
  await auth.login('/', { replace: true })
  options().openUrl('b')
  expect(replace).toHaveBeenCalledWith('b')
})

describe('logging in', () => {
  test('remembers the requested page and scopes', async () => {
    await auth.login('/profile', { scope: 'read:messages' })
    expect(client.loginWithRedirect.mock.calls[0]?.[0]).toMatchObject({
      appState: { target: '/profile', scope: 'read:messages' },
      authorizationParams: { scope: 'read:messages' },
    })
    client.handleRedirectCallback.mockResolvedValue({ appState: { target: '/profile', scope: 'read:messages' } })
    expect(await auth.handleRedirect('url')).toBe('/profile')
    expect(tabs.tell).toHaveBeenCalledWith('logged-in')
    expect(auth.askedScopes()).toEqual(['read:messages'])
    await auth.getToken({ scope: 'read:messages' })
    expect(client.getTokenSilently).toHaveBeenLastCalledWith({ cacheMode: 'on', authorizationParams: { scope: 'read:messages' } })
    await auth.getToken() // for a call that does not need it
    expect(client.getTokenSilently).toHaveBeenLastCalledWith({ cacheMode: 'on' })
    await auth.getToken({ scope: 'never:asked' })
    expect(client.getTokenSilently).toHaveBeenLastCalledWith({ cacheMode: 'on' })
    await auth.login('/', { scope: 'read:messages write:messages' })
    expect(client.loginWithRedirect.mock.lastCall?.[0]).toMatchObject({ authorizationParams: { scope: 'read:messages write:messages' } })
  })

  test('that fails reports the requested page', async () => {
    client.handleRedirectCallback.mockRejectedValue(coded('access_denied', { appState: { target: '/profile' } }))
    const error = await auth.handleRedirect('url').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(LoginError)
    expect(error).toMatchObject({ login: { target: '/profile' } })
    expect(tabs.tell).not.toHaveBeenCalled()
  })
})

test('logging out tells the other tabs and leaves nothing behind', async () => {
  await auth.ready()
  sessionStorage.setItem('scopes', 'ada\nread:messages')
  await auth.logout()
  expect(tabs.tell).toHaveBeenCalledWith('logged-out')
  expect(client.logout).toHaveBeenCalledWith({ logoutParams: { returnTo: location.origin } })
  expect(auth.askedScopes()).toEqual([])
  expect(auth.session.value).toEqual({ kind: 'signed out', reason: 'here' })
  expect(auth.session.value).toEqual({ kind: 'signed out', reason: 'here' })
})
