// Web applications as their packages' documentation writes them, each on a port of its own:
// /login leads to the tenant, /me shows who is logged in. The arguments are the issuer and the
// ports.

import { AuthClient } from '@auth0/auth0-auth-js'
import { AuthenticationClient, UserInfoClient } from 'auth0'
import express from 'express'
import eoc from 'express-openid-connect'
import session from 'express-session'
import * as oidc from 'openid-client'
import passport from 'passport'
import Auth0Strategy from 'passport-auth0'

const [issuer, ...ports] = process.argv.slice(2)
const { host } = new URL(issuer)
const origins = ports.map((port) => `http://localhost:${port}`)
const [clientID, clientSecret] = ['web', 'web-secret']
const cookies = () => session({ secret: 'x'.repeat(32), resave: false, saveUninitialized: true })

// express-openid-connect, with its default: an ID token by form_post.
function byIDToken(origin) {
  const app = express()
  app.use(eoc.auth({ issuerBaseURL: issuer, baseURL: origin, clientID, secret: 'x'.repeat(32), authRequired: false, idpLogout: true }))
  app.get('/me', (req, res) => res.send(req.oidc.user?.email ?? 'nobody'))
  return app
}

// express-openid-connect, for an access token.
function byCode(origin) {
  const app = express()
  const authorizationParams = { response_type: 'code', audience: 'http://localhost:3001', scope: 'openid email offline_access' }
  app.use(
    eoc.auth({ issuerBaseURL: issuer, baseURL: origin, clientID, clientSecret, secret: 'x'.repeat(32), authRequired: false, authorizationParams }),
  )
  app.get('/me', async (req, res) => {
    const renewed = await req.oidc.accessToken?.refresh()
    res.send(renewed?.access_token.startsWith('eyJ') ? req.oidc.user.email : 'nobody')
  })
  return app
}

function byPassport(origin) {
  const strategy = new Auth0Strategy(
    { domain: host, clientID, clientSecret, callbackURL: `${origin}/callback` },
    (_access, _refresh, _extra, profile, done) => done(null, profile),
  )
  const app = express()
  app.use(cookies(), passport.initialize(), passport.session())
  passport.use('auth0', strategy)
  passport.serializeUser((user, done) => done(null, user))
  passport.deserializeUser((user, done) => done(null, user))
  app.get('/login', passport.authenticate('auth0', { scope: 'openid email profile' }))
  app.get('/callback', passport.authenticate('auth0', { failureRedirect: '/failed' }), (_req, res) => res.redirect('/me'))
  app.get('/me', (req, res) => res.send(req.user?.emails[0].value ?? 'nobody'))
  return app
}

async function byOpenIDClient(origin) {
  const config = await oidc.discovery(new URL(issuer), clientID, clientSecret)
  const app = express()
  app.use(cookies())
  app.get('/login', async (req, res) => {
    const verifier = (req.session.verifier = oidc.randomPKCECodeVerifier())
    const code_challenge = await oidc.calculatePKCECodeChallenge(verifier)
    const parameters = { redirect_uri: `${origin}/callback`, scope: 'openid email', code_challenge, code_challenge_method: 'S256' }
    res.redirect(oidc.buildAuthorizationUrl(config, parameters).href)
  })
  app.get('/callback', async (req, res) => {
    const tokens = await oidc.authorizationCodeGrant(config, new URL(req.url, origin), { pkceCodeVerifier: req.session.verifier })
    const user = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
    req.session.email = user.email
    res.redirect('/me')
  })
  app.get('/me', (req, res) => res.send(req.session.email ?? 'nobody'))
  return app
}

function byAuthJS(origin) {
  const client = new AuthClient({ domain: host, clientId: clientID, clientSecret, authorizationParams: { redirect_uri: `${origin}/callback` } })
  const app = express()
  app.use(cookies())
  app.get('/login', async (req, res) => {
    const { authorizationUrl, codeVerifier } = await client.buildAuthorizationUrl()
    req.session.verifier = codeVerifier
    res.redirect(authorizationUrl.href)
  })
  app.get('/callback', async (req, res) => {
    const tokens = await client.getTokenByCode(new URL(req.url, origin), { codeVerifier: req.session.verifier })
    req.session.email = tokens.claims.email
    res.redirect('/me')
  })
  app.get('/me', (req, res) => res.send(req.session.email ?? 'nobody'))
  return app
}

// node-auth0, the last major version that logs users in, without PKCE.
function byNodeAuth0(origin) {
  const client = new AuthenticationClient({ domain: host, clientId: clientID, clientSecret })
  const redirect_uri = `${origin}/callback`
  const app = express()
  app.use(cookies())
  app.get('/login', (req, res) => {
    const state = (req.session.state = crypto.randomUUID())
    const query = new URLSearchParams({ response_type: 'code', client_id: clientID, redirect_uri, scope: 'openid email offline_access', state })
    res.redirect(`${issuer}authorize?${query}`)
  })
  app.get('/callback', async (req, res) => {
    if (req.query.state !== req.session.state) throw new Error('another state')
    const { data: tokens } = await client.oauth.authorizationCodeGrant({ code: req.query.code, redirect_uri })
    const { data: renewed } = await client.oauth.refreshTokenGrant({ refresh_token: tokens.refresh_token })
    const { data: user } = await new UserInfoClient({ domain: host }).getUserInfo(renewed.access_token)
    req.session.email = user.email
    res.redirect('/me')
  })
  app.get('/me', (req, res) => res.send(req.session.email ?? 'nobody'))
  return app
}

const all = [byIDToken, byCode, byPassport, byOpenIDClient, byAuthJS, byNodeAuth0]
const listening = all.map(async (make, i) => {
  const app = await make(origins[i])
  app.get('/', (_req, res) => res.redirect('/me')) // where express-openid-connect leads to
  app.use((error, _req, res, _next) => res.status(500).send(error.stack))
  return new Promise((resolve) => app.listen(ports[i], 'localhost', resolve))
})
await Promise.all(listening)
console.log(`ready ${all.map((make, i) => `${make.name}=${origins[i]}`).join(' ')}`)
