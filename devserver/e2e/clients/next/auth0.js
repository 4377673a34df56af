import { Auth0Client } from '@auth0/nextjs-auth0/server'

// The domain, the client, its secret and the page's URL are in the environment, as in .env.local.
// The package rejects the host localhost without allowInsecureRequests, also with https.
export const auth0 = new Auth0Client({
  allowInsecureRequests: true,
  authorizationParameters: { audience: 'http://localhost:3001', scope: 'openid email offline_access' },
})
