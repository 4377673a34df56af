// Gets a bound token from the tenant and calls the API with it, as two packages do it that know
// nothing of this project: oauth4webapi, and dpop with fetch. The arguments are the issuer, the
// API's audience, its URL, and an algorithm. Prints what the API answers, a line for each package.

import * as dpop from 'dpop'
import * as oauth from 'oauth4webapi'

const [issuer, audience, api, alg] = process.argv.slice(2)
const client = { client_id: 'local-machine' }
const secret = 'local-machine-secret'
const insecure = { [oauth.allowInsecureRequests]: true } // plain HTTP, on loopback

// Calls request, and once more if the server asks for a nonce.
async function withNonce(request) {
  try {
    return await request()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return request()
  }
}

async function byOAuth4WebAPI() {
  const at = new URL(issuer)
  const as = await oauth.processDiscoveryResponse(at, await oauth.discoveryRequest(at, insecure))
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair(alg))
  const granted = await withNonce(async () => {
    const response = await oauth.clientCredentialsGrantRequest(as, client, oauth.ClientSecretPost(secret), { audience }, { ...insecure, DPoP })
    return oauth.processClientCredentialsResponse(as, client, response)
  })
  const call = () => oauth.protectedResourceRequest(granted.access_token, 'GET', new URL(api), undefined, undefined, { ...insecure, DPoP })
  const response = await withNonce(call)
  return [granted.token_type, response.status, await response.text()]
}

async function byDPoP() {
  const keys = await dpop.generateKeyPair(alg)
  const endpoint = `${issuer}oauth/token`
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...client, client_secret: secret, audience })
  const proof = await dpop.generateProof(keys, endpoint, 'POST')
  const granted = await (await fetch(endpoint, { method: 'POST', body, headers: { DPoP: proof } })).json()
  return callWith(keys, granted.access_token, granted.token_type)
}

async function callWith(keys, token, type) {
  const call = async (nonce) => {
    const proof = await dpop.generateProof(keys, api, 'GET', nonce, token)
    return fetch(api, { headers: { Authorization: `DPoP ${token}`, DPoP: proof } })
  }
  let response = await call()
  const nonce = response.headers.get('DPoP-Nonce')
  if (response.status === 401 && nonce) response = await call(nonce)
  return [type, response.status, await response.text()]
}

// byMint has the local tenant mint a token for the key, whose algorithm it does not know.
async function byMint() {
  const keys = await dpop.generateKeyPair(alg)
  const jkt = await dpop.calculateThumbprint(keys.publicKey)
  const headers = { 'Content-Type': 'application/json' }
  const minted = await fetch(`${issuer}_tenant/token`, { method: 'POST', headers, body: JSON.stringify({ jkt }) })
  return callWith(keys, (await minted.json()).access_token, 'minted')
}

for (const by of alg === 'Ed25519' ? [byMint] : [byOAuth4WebAPI, byDPoP]) console.log(by.name, ...(await by()))
