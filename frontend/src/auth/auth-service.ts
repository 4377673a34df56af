// Who is logged in, and how to log in and out. Only this file knows the SDK, which
// is loaded when it is first needed.

import type { Auth0Client, User } from '@auth0/auth0-spa-js'
import type { Config } from '../config'
import { State } from '../state'
import type { OtherTabs } from './other-tabs'
import { expiryOf } from './token'

export type Profile = User

// Why somebody who was logged in is not any more.
export type SessionEnd = 'expired' | 'in another tab'

interface AppState {
  target: string // path to go on to after the login
  scope?: string // what was asked for beyond the usual
}

export interface LoginOptions {
  replace?: boolean // leave this page out of the history, where it would only lead to the login again
  scope?: string // to ask for, besides the usual and what was asked for before
  prompt?: 'login' | 'consent'
}

// A login that failed, and where it was to lead.
export class LoginError extends Error {
  constructor(
    message: string,
    readonly target: string,
  ) {
    super(message)
  }
}

export class AuthService {
  // undefined until it is known whether there is a session
  readonly isAuthenticated = new State<boolean | undefined>(undefined)
  readonly profile = new State<Profile | undefined>(undefined)
  end: SessionEnd | undefined // of the last session of this page

  private client: Promise<Auth0Client> | undefined
  private expiry: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly loadConfig: () => Promise<Config>,
    private readonly tabs: Pick<OtherTabs, 'tell' | 'follow'>,
  ) {
    tabs.follow((news) => {
      if (news === 'logged-out') this.close('in another tab')
      else void this.lookAgain()
    })
  }

  // Resolves when it is known whether somebody is logged in.
  async ready(): Promise<boolean> {
    if (this.isAuthenticated.value === undefined) await this.refresh()
    return this.isAuthenticated.value === true
  }

  // Leaves for the tenant's login, which leads back to target.
  async login(target: string, { replace = false, scope, prompt }: LoginOptions = {}): Promise<void> {
    const client = await this.getClient()
    const scopes = [...new Set([...this.askedScopes(), ...(scope?.split(' ') ?? [])])].join(' ')
    await client.loginWithRedirect<AppState>({
      appState: { target, ...(scopes && { scope: scopes }) },
      authorizationParams: { ...(scopes && { scope: scopes }), ...(prompt && { prompt }) },
      openUrl: (url) => (replace ? location.replace(url) : location.assign(url)),
    })
  }

  // Finishes the login that url, the address the tenant led back to, is the answer
  // to. Resolves to the path to go on to, or rejects with a LoginError.
  async handleRedirect(url: string): Promise<string> {
    const client = await this.getClient()
    try {
      const { appState } = await client.handleRedirectCallback<AppState>(url)
      if (appState?.scope) sessionStorage.setItem('scopes', appState.scope)
      await this.refresh()
      this.tabs.tell('logged-in')
      return appState?.target ?? '/'
    } catch (error) {
      throw new LoginError(error instanceof Error ? error.message : String(error), targetOf(error) ?? '/')
    }
  }

  async logout(): Promise<void> {
    const client = await this.getClient()
    sessionStorage.removeItem('scopes')
    this.tabs.tell('logged-out')
    await client.logout({ logoutParams: { returnTo: location.origin } })
  }

  // Resolves to an access token for the API: the one at hand, or a fresh one.
  async getToken({ fresh = false } = {}): Promise<string> {
    const client = await this.getClient()
    const scope = this.askedScopes().join(' ')
    try {
      const token = await client.getTokenSilently({
        cacheMode: fresh ? 'off' : 'on',
        ...(scope && { authorizationParams: { scope } }),
      })
      if (token === undefined) throw new Error('The tenant gave no access token')
      this.watchExpiry(token)
      return token
    } catch (error) {
      if (codeOf(error) === 'login_required') this.close('expired')
      throw error
    }
  }

  // The scopes that this tab has asked for beyond the usual ones.
  askedScopes(): string[] {
    return sessionStorage.getItem('scopes')?.split(' ').filter(Boolean) ?? []
  }

  private async refresh(): Promise<void> {
    const client = await this.getClient()
    const user = await client.getUser()
    if (!user) {
      this.setNobody()
      return
    }
    this.profile.set(user)
    this.isAuthenticated.set(true)
    await this.getToken().catch(() => undefined) // for its expiry; whoever needs one sees what is wrong
  }

  // Asks the tenant who is logged in there now.
  private async lookAgain(): Promise<void> {
    this.client = undefined
    await this.refresh()
  }

  // Gets the next token when this one expires: if there is no session for it any
  // more, the page says so before somebody is halfway through something.
  private watchExpiry(token: string): void {
    clearTimeout(this.expiry)
    const expiry = expiryOf(token)
    if (expiry === undefined) return
    const wait = Math.min(Math.max(expiry * 1000 - Date.now(), 0) + 1000, 2 ** 31 - 1)
    this.expiry = setTimeout(() => void this.getToken().catch(() => undefined), wait)
  }

  private close(end: SessionEnd): void {
    clearTimeout(this.expiry)
    this.client = undefined // with its tokens
    this.end = end
    this.setNobody()
  }

  // In this order, as those who follow the profile ask whether somebody is logged in.
  private setNobody(): void {
    this.isAuthenticated.set(false)
    this.profile.set(undefined)
  }

  // The one client of this page, made when it is first needed. Making it also
  // looks for a session at the tenant.
  private getClient(): Promise<Auth0Client> {
    this.client ??= this.createClient().catch((error: unknown) => {
      this.client = undefined // so that the next call can try again
      throw error
    })
    return this.client
  }

  private async createClient(): Promise<Auth0Client> {
    const [{ createAuth0Client }, { domain, clientId, audience }] = await Promise.all([
      import('@auth0/auth0-spa-js'),
      this.loadConfig(),
    ])
    return createAuth0Client({
      domain,
      clientId,
      authorizationParams: { audience, redirect_uri: `${location.origin}/callback` },
      authorizeTimeoutInSeconds: 15, // a tenant that is down says nothing at all
    })
  }
}

// The code of an error of the tenant's or the SDK's, like login_required.
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'error' in error ? error.error : undefined
  return typeof code === 'string' ? code : undefined
}

// Where the login that ended in error was to lead.
function targetOf(error: unknown): string | undefined {
  const state = typeof error === 'object' && error !== null && 'appState' in error ? error.appState : undefined
  return (state as AppState | undefined)?.target
}
