// Who is logged in, and how to log in and out. Only this file knows the SDK.

import { AuthenticationError, createAuth0Client, type Auth0Client, type User } from '@auth0/auth0-spa-js'
import type { Config } from '../config'
import { State } from '../state'

export type Profile = User

interface AppState {
  target: string // path to go on to after the login
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

  private client: Promise<Auth0Client> | undefined

  constructor(private readonly loadConfig: () => Promise<Config>) {}

  // Resolves when it is known whether somebody is logged in.
  async ready(): Promise<boolean> {
    if (this.isAuthenticated.value === undefined) await this.refresh()
    return this.isAuthenticated.value === true
  }

  // Leaves for the tenant's login, which leads back to target. replace leaves this
  // page out of the history, where it would only lead to the login again.
  async login(target: string, { replace = false } = {}): Promise<void> {
    const client = await this.getClient()
    await client.loginWithRedirect<AppState>({
      appState: { target },
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
      return appState?.target ?? '/'
    } catch (error) {
      const target = error instanceof AuthenticationError ? (error.appState as AppState | undefined)?.target : undefined
      throw new LoginError(error instanceof Error ? error.message : String(error), target ?? '/')
    }
  }

  async logout(): Promise<void> {
    const client = await this.getClient()
    await client.logout({ logoutParams: { returnTo: location.origin } })
  }

  async getToken(): Promise<string> {
    const client = await this.getClient()
    const token = await client.getTokenSilently()
    if (token === undefined) throw new Error('The tenant gave no access token')
    return token
  }

  private async refresh(): Promise<void> {
    const client = await this.getClient()
    const authenticated = await client.isAuthenticated()
    this.profile.set(authenticated ? await client.getUser() : undefined)
    this.isAuthenticated.set(authenticated)
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
    const { domain, clientId, audience } = await this.loadConfig()
    return createAuth0Client({
      domain,
      clientId,
      authorizationParams: { audience, redirect_uri: `${location.origin}/callback` },
      authorizeTimeoutInSeconds: 15, // a tenant that is down says nothing at all
    })
  }
}
