// oidc-client-ts, which knows nothing of Auth0: discovery, a silent login in a frame, and logout by
// OpenID Connect. The page is its own callback, for frames too.

import { UserManager } from 'oidc-client-ts'
import { callApi, loadTenant } from '../shared/tenant'

const app = document.getElementById('app')!

function show(...lines: (string | [label: string, act: () => Promise<unknown>])[]): void {
  app.replaceChildren(
    ...lines.map((line) => {
      const element = document.createElement(typeof line === 'string' ? 'p' : 'button')
      element.textContent = typeof line === 'string' ? line : line[0]
      if (typeof line !== 'string') element.onclick = () => void line[1]()
      return element
    }),
  )
}

const { domain, clientId, audience } = await loadTenant()
const manager = new UserManager({
  authority: domain,
  client_id: clientId,
  redirect_uri: location.origin,
  post_logout_redirect_uri: location.origin,
  scope: 'openid profile email',
  extraQueryParams: { audience },
  automaticSilentRenew: false,
})

async function showUser(): Promise<void> {
  const user = await manager.getUser()
  if (!user) {
    show(['Log in', () => manager.signinRedirect()])
    return
  }
  const call = async () => {
    const renewed = await manager.signinSilent() // a new token, by a frame of the tenant
    show(`Hello, ${user.profile.name}`, await callApi(renewed?.access_token), ['Log out', () => manager.signoutRedirect()])
  }
  show(`Hello, ${user.profile.name}`, ['Call the API', call], ['Log out', () => manager.signoutRedirect()])
}

if (new URLSearchParams(location.search).has('state')) {
  await manager.signinCallback()
  history.replaceState(null, '', '/')
}
if (window === top) await showUser()
