// Who is logged in, and how to log in and out. Only this file knows the SDK.

import { createAuth0Client, type Auth0Client, type User } from '@auth0/auth0-spa-js'
import type { Config } from '../config'
import { State } from '../state'

export type Profile = User

interface AppState {
  target: string // path to go on to after the login
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

  async login(target: string): Promise<void> {
    const client = await this.getClient()
    await client.loginWithRedirect<AppState>({ appState: { target } })
  }

  // Finishes the login that url, the address the tenant led back to, is the answer
  // to. Resolves to the path to go on to.
  async handleRedirect(url: string): Promise<string> {
    const client = await this.getClient()
    const { appState } = await client.handleRedirectCallback<AppState>(url)
    await this.refresh()
    return appState?.target ?? '/'
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
