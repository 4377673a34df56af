// No app: the SDK's client, made by the tests as they need it and driven by them.

import { createAuth0Client, type Auth0Client, type Auth0ClientOptions } from '@auth0/auth0-spa-js'
import { callApi, loadTenant } from '../shared/tenant'

type Options = Partial<Auth0ClientOptions> & { refreshTokenMode?: 'offline' }

declare global {
  interface Window {
    auth0: Auth0Client
    make: (options?: Options) => Promise<Auth0Client>
    callApi: typeof callApi
  }
}

window.callApi = callApi

window.make = async ({ authorizationParams, ...options }: Options = {}) => {
  const { domain, clientId, audience } = await loadTenant()
  window.auth0 = await createAuth0Client({
    domain,
    clientId,
    authorizationParams: { audience, redirect_uri: location.origin, ...authorizationParams },
    ...options,
  })
  return window.auth0
}

document.getElementById('app')!.textContent = 'The SDK is here'
