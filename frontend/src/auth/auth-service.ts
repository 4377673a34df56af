// Signs users in and out, and gets access tokens. Only this file imports the SDK,
// as a script of its own, so that the page is shown before the SDK is loaded.

import type { Auth0Client } from '@auth0/auth0-spa-js'
import { attempt, quietly } from '../attempt'
import type { Config } from '../config'
import { type Profile, profileOf, type Session, type SignedOutReason, unknown } from '../session'
import { State } from '../state'
import { keep, recall } from '../storage'
import type { OtherTabs } from './other-tabs'
import { expiryOf } from './token'

interface AppState {
  target: string // path to go to after the login
  scope?: string // additional scopes that were requested
}

export interface LoginOptions {
  replace?: boolean // replace this page in the history, where it would only lead to the login again
  scope?: string // to request in addition to the default and earlier ones
  prompt?: 'login' | 'consent'
}

// A login that failed. login is what it was for; it is undefined if no login of this tab
// belongs to the response.
export class LoginError extends Error {
  constructor(
    message: string,
    readonly login: AppState | undefined,
  ) {
    super(message)
  }
}

const pending = 'pending login' // name of the target that is kept
const retryAfter = 60_000 // ms, until a failed renewal is tried again
const longestTimer = 2 ** 31 - 1 // ms, the longest that setTimeout takes

export class AuthService {
  readonly session = new State<Session>(unknown)

  private client: Promise<Auth0Client> | undefined
  private expiry: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly loadConfig: () => Promise<Config>,
    private readonly tabs: Pick<OtherTabs, 'tell' | 'follow'>,
  ) {
    tabs.follow((news) => {
      if (news === 'logged-out') this.end('in another tab')
      else attempt(this.lookAgain())
    })
  }

  // Whether a user is signed in; undefined until that is known.
  get isAuthenticated(): boolean | undefined {
    const { kind } = this.session.value
    return kind === 'unknown' ? undefined : kind === 'signed in'
  }

  get profile(): Profile | undefined {
    return profileOf(this.session.value)
  }

  // Resolves to whether a user is signed in, when that is known.
  async ready(): Promise<boolean> {
    if (this.isAuthenticated === undefined) await this.refresh()
    return this.isAuthenticated === true
  }

  // Goes to the tenant's login page, which leads back to target.
  async login(target: string, { replace = false, scope, prompt }: LoginOptions = {}): Promise<void> {
    const client = await this.getClient()
    keep(pending, target)
    const scopes = [...new Set([...this.askedScopes(), ...(scope?.split(' ') ?? [])])].join(' ')
    await client.loginWithRedirect<AppState>({
      appState: { target, ...(scopes && { scope: scopes }) },
      authorizationParams: { ...(scopes && { scope: scopes }), ...(prompt && { prompt }) },
      openUrl: (url) => (replace ? location.replace(url) : location.assign(url)),
    })
  }

  // Completes the login that url, the address of the callback page, is the response to.
  // Resolves to the path to go to, or rejects with a LoginError.
  async handleRedirect(url: string): Promise<string> {
    const client = await this.getClient()
    try {
      const { appState } = await client.handleRedirectCallback<AppState>(url)
      await this.refresh()
      const sub = this.profile?.sub
      if (appState?.scope && sub) keep('scopes', `${sub}\n${appState.scope}`)
      keep(pending, undefined)
      this.tabs.tell('logged-in')
      return appState?.target ?? '/'
    } catch (error) {
      throw new LoginError(error instanceof Error ? error.message : String(error), loginOf(error))
    }
  }

  // The page that the last login of this tab was to lead to, if it has not ended.
  pendingTarget(): string | undefined {
    return recall(pending)
  }

  async logout(): Promise<void> {
    const client = await this.getClient()
    this.tabs.tell('logged-out')
    this.end('here') // now, because the browser may keep this page and show it again
    await client.logout({ logoutParams: { returnTo: location.origin } })
  }

  // Resolves to an access token for the API: the cached one, or a fresh one. A scope is
  // requested only if login has requested it before.
  async getToken({ fresh = false, scope = '' } = {}): Promise<string> {
    if (this.isAuthenticated === false) throw notSignedIn()
    const made = this.getClient()
    const client = await made
    try {
      const token = await client.getTokenSilently({
        cacheMode: fresh ? 'off' : 'on',
        ...(scope && this.askedScopes().includes(scope) && { authorizationParams: { scope } }),
      })
      if (made !== this.client) throw notSignedIn() // the session has ended since
      if (token === undefined) throw new Error('The tenant gave no access token')
      this.setToken(token)
      this.watchExpiry(token)
      return token
    } catch (error) {
      if (codeOf(error) === 'login_required' && made === this.client) this.end('expired')
      throw error
    }
  }

  // Resolves to the ID token of the session, encoded; undefined if there is none.
  async getIdToken(): Promise<string | undefined> {
    const client = await this.getClient()
    return (await client.getIdTokenClaims())?.__raw
  }

  // Sends a request with a token that is bound to a key of this browser (RFC 9449). The SDK
  // adds a proof, and sends another one if the API asks for a nonce. Resolves to the answer,
  // and the proof that was sent last.
  async sendBound(path: string, init: RequestInit, token: string): Promise<{ response: Response; proof: string }> {
    const client = await this.getClient()
    const bound = { access_token: token, token_type: 'DPoP', id_token: '', expires_in: 0 }
    let proof = ''
    const fetcher = client.createFetcher({
      dpopNonceId: 'api',
      getAccessToken: () => Promise.resolve(bound),
      fetch: (request) => {
        proof = request.headers.get('DPoP') ?? ''
        return fetch(request)
      },
    })
    return { response: await fetcher.fetchWithAuth(new URL(path, location.origin), init), proof }
  }

  // The additional scopes that this tab has requested for the user who is signed in.
  askedScopes(): string[] {
    const sub = this.profile?.sub
    const kept = recall('scopes')
    if (sub === undefined || kept === undefined || !kept.startsWith(`${sub}\n`)) return []
    return kept
      .slice(sub.length + 1)
      .split(' ')
      .filter(Boolean)
  }

  private async refresh(): Promise<void> {
    const made = this.getClient()
    const user = await (await made).getUser()
    if (made !== this.client) return // the session has changed since
    if (!user) {
      clearTimeout(this.expiry)
      this.session.set({ kind: 'signed out', reason: 'not yet' })
      return
    }
    this.session.set({ kind: 'signed in', profile: user })
    await quietly(this.getToken()) // for its expiry; a call shows what is wrong
  }

  // Looks for the session that another tab has started. If the browser blocks the
  // tenant's cookie on this page, it cannot be found, and nothing changes.
  private async lookAgain(): Promise<void> {
    const current = this.client
    const made = this.createClient()
    const user = await made.then((client) => client.getUser()).catch(() => undefined)
    if (!user || current !== this.client) return
    this.client = made
    clearTimeout(this.expiry)
    await this.refresh()
  }

  private setToken(token: string): void {
    const session = this.session.value
    if (session.kind === 'signed in' && session.token !== token) this.session.set({ ...session, token })
  }

  // Gets the next token when this one expires. If the session has expired too, the page
  // shows it before the user starts something.
  private watchExpiry(token: string): void {
    clearTimeout(this.expiry)
    const expiry = expiryOf(token)
    if (expiry === undefined) return
    const left = expiry * 1000 - Date.now()
    const renew = () => {
      const due = this.expiry
      this.getToken().catch(() => {
        if (this.isAuthenticated && this.expiry === due) this.expiry = setTimeout(renew, retryAfter)
      })
    }
    // A new token that has already expired means that the clocks differ.
    this.expiry = setTimeout(renew, left > 0 ? Math.min(left + 1000, longestTimer) : retryAfter)
  }

  private end(reason: SignedOutReason): void {
    this.client = undefined // with its tokens
    clearTimeout(this.expiry)
    keep('scopes', undefined)
    keep(pending, undefined)
    this.session.set({ kind: 'signed out', reason })
  }

  // The one client of this page, made when it is first needed. Making it also looks for
  // a session at the tenant.
  private getClient(): Promise<Auth0Client> {
    if (!this.client) {
      const made = this.createClient()
      this.client = made
      made.catch(() => {
        if (this.client === made) this.client = undefined // so that the next call tries again
      })
    }
    return this.client
  }

  private async createClient(): Promise<Auth0Client> {
    const [{ createAuth0Client }, { domain, clientId, audience, dpop }] = await Promise.all([
      import(/* webpackPreload: true */ '@auth0/auth0-spa-js'),
      this.loadConfig(),
    ])
    return createAuth0Client({
      domain,
      clientId,
      useDpop: dpop === true,
      authorizationParams: { audience, redirect_uri: `${location.origin}/callback` },
      authorizeTimeoutInSeconds: 15, // for a tenant that does not answer
    })
  }
}

// The error for a token without a session.
function notSignedIn(): Error {
  return Object.assign(new Error('No user is signed in'), { error: 'login_required' })
}

// The code of an error of the tenant or the SDK, such as login_required.
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'error' in error ? error.error : undefined
  return typeof code === 'string' ? code : undefined
}

// The state of the login that failed with error. The SDK adds it to errors that belong
// to a login of this tab.
function loginOf(error: unknown): AppState | undefined {
  const state = typeof error === 'object' && error !== null && 'appState' in error ? error.appState : undefined
  return (state ?? undefined) as AppState | undefined
}
