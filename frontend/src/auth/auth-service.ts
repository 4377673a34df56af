// Who is logged in, and how to log in and out. Only this file knows the SDK. It is a
// script of its own, so that the page is there before it.

import type { Auth0Client, User } from '@auth0/auth0-spa-js'
import type { Config } from '../config'
import { State } from '../state'
import type { OtherTabs } from './other-tabs'
import { expiryOf } from './token'

export type Profile = User

// Why somebody who was logged in is not any more.
export type SessionEnd = 'expired' | 'here' | 'in another tab'

interface AppState {
  target: string // path to go on to after the login
  scope?: string // what was asked for beyond the usual
}

export interface LoginOptions {
  replace?: boolean // leave this page out of the history, where it would only lead to the login again
  scope?: string // to ask for, besides the usual and what was asked for before
  prompt?: 'login' | 'consent'
}

// A login that failed: where it was to lead and what it asked for. Of an answer that
// belongs to no login of this tab nothing is known.
export class LoginError extends Error {
  constructor(
    message: string,
    readonly login: AppState | undefined,
  ) {
    super(message)
  }
}

const retryAfter = 60_000 // ms, for tokens that can't be had now
const longest = 2 ** 31 - 1 // ms, of a timer

export class AuthService {
  // undefined until it is known whether there is a session
  readonly isAuthenticated = new State<boolean | undefined>(undefined)
  readonly profile = new State<Profile | undefined>(undefined)
  readonly token = new State<string | undefined>(undefined) // the newest access token
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
      await this.refresh()
      const sub = this.profile.value?.sub
      if (appState?.scope && sub) sessionStorage.setItem('scopes', `${sub}\n${appState.scope}`)
      this.tabs.tell('logged-in')
      return appState?.target ?? '/'
    } catch (error) {
      throw new LoginError(error instanceof Error ? error.message : String(error), loginOf(error))
    }
  }

  async logout(): Promise<void> {
    const client = await this.getClient()
    this.tabs.tell('logged-out')
    this.close('here') // now: the browser may keep this page, and show it again
    await client.logout({ logoutParams: { returnTo: location.origin } })
  }

  // Resolves to an access token for the API: the one at hand, or a fresh one. One with
  // scope is only asked for if somebody has asked for that in login before.
  async getToken({ fresh = false, scope = '' } = {}): Promise<string> {
    if (this.isAuthenticated.value === false) throw nobody()
    const made = this.getClient()
    const client = await made
    try {
      const token = await client.getTokenSilently({
        cacheMode: fresh ? 'off' : 'on',
        ...(scope && this.askedScopes().includes(scope) && { authorizationParams: { scope } }),
      })
      if (made !== this.client) throw nobody() // the session has ended meanwhile
      if (token === undefined) throw new Error('The tenant gave no access token')
      this.token.set(token)
      this.watchExpiry(token)
      return token
    } catch (error) {
      if (codeOf(error) === 'login_required' && made === this.client) this.close('expired')
      throw error
    }
  }

  // The scopes that this tab has asked for beyond the usual ones, for who is logged in.
  askedScopes(): string[] {
    const sub = this.profile.value?.sub
    const kept = sessionStorage.getItem('scopes')
    if (sub === undefined || kept === null || !kept.startsWith(`${sub}\n`)) return []
    return kept.slice(sub.length + 1).split(' ').filter(Boolean)
  }

  private async refresh(): Promise<void> {
    const made = this.getClient()
    const user = await (await made).getUser()
    if (made !== this.client) return // something newer is known
    if (!user) {
      this.setNobody()
      return
    }
    this.profile.set(user)
    this.isAuthenticated.set(true)
    await this.getToken().catch(() => undefined) // for its expiry; whoever needs one sees what is wrong
  }

  // Looks who logged in in another tab. Where the browser keeps the tenant's cookie
  // from this page, that can't be seen; then what was, stays.
  private async lookAgain(): Promise<void> {
    const current = this.client
    const made = this.createClient()
    const user = await made.then((client) => client.getUser()).catch(() => undefined)
    if (!user || current !== this.client) return
    this.client = made
    clearTimeout(this.expiry)
    this.token.set(undefined) // it is of whoever was here
    await this.refresh()
  }

  // Gets the next token when this one expires: if there is no session for it any
  // more, the page says so before somebody is halfway through something.
  private watchExpiry(token: string): void {
    clearTimeout(this.expiry)
    const expiry = expiryOf(token)
    if (expiry === undefined) return
    const left = expiry * 1000 - Date.now()
    const renew = () => {
      const due = this.expiry
      void this.getToken().catch(() => {
        if (this.isAuthenticated.value && this.expiry === due) this.expiry = setTimeout(renew, retryAfter)
      })
    }
    // A token that has expired as it comes is a matter of clocks, not of haste.
    this.expiry = setTimeout(renew, left > 0 ? Math.min(left + 1000, longest) : retryAfter)
  }

  private close(end: SessionEnd): void {
    this.client = undefined // with its tokens
    this.end = end
    sessionStorage.removeItem('scopes')
    this.setNobody()
  }

  // In this order, as those who follow the profile ask whether somebody is logged in.
  private setNobody(): void {
    clearTimeout(this.expiry)
    this.isAuthenticated.set(false)
    this.token.set(undefined)
    this.profile.set(undefined)
  }

  // The one client of this page, made when it is first needed. Making it also
  // looks for a session at the tenant.
  private getClient(): Promise<Auth0Client> {
    if (!this.client) {
      const made = this.createClient()
      this.client = made
      made.catch(() => {
        if (this.client === made) this.client = undefined // so that the next call can try again
      })
    }
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

// The error of whoever wants a token without a session.
function nobody(): Error {
  return Object.assign(new Error('Nobody is logged in'), { error: 'login_required' })
}

// The code of an error of the tenant's or the SDK's, like login_required.
export function codeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'error' in error ? error.error : undefined
  return typeof code === 'string' ? code : undefined
}

// What the login that ended in error was about. The SDK gives it with errors that
// answer a login of this tab.
function loginOf(error: unknown): AppState | undefined {
  const state = typeof error === 'object' && error !== null && 'appState' in error ? error.appState : undefined
  return (state ?? undefined) as AppState | undefined
}
