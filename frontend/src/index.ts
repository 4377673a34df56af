// Entry point: creates the services, the bar at the top and the router.

import { ApiService, sendBearer } from './api/api-service'
import { onFailure, quietly } from './attempt'
import { authGuard } from './auth/auth-guard'
import { AuthService } from './auth/auth-service'
import { OtherTabs } from './auth/other-tabs'
import { thumbprintOf } from './auth/token'
import { Navbar } from './components/navbar'
import { loadConfig } from './config'
import { sendSpan } from './dev/trace'
import { callback } from './pages/callback'
import { failure } from './pages/failure'
import { home } from './pages/home'
import { notFound } from './pages/not-found'
import { signedOut } from './pages/signed-out'
import { Router } from './router'
import { profileOf } from './session'

const byId = (id: string): HTMLElement => {
  const element = document.getElementById(id)
  if (!element) throw new Error(`index.html has no element #${id}`)
  return element
}

const auth = new AuthService(loadConfig, new OtherTabs())
const api = new ApiService(
  (options) => auth.getToken(options),
  (path, init, token) => (thumbprintOf(token) ? auth.sendBound(path, init, token) : sendBearer(path, init, token)),
  (span) => void quietly(sendSpan(span)),
)
const navbar = new Navbar(byId('navbar'), auth)
const guard = authGuard(auth)
const router = new Router(
  byId('outlet'),
  {
    '/': { render: () => home(auth, loadConfig) },
    // Scripts of their own, which the first page does not wait for.
    '/profile': { render: async () => (await import('./pages/profile')).profile(auth), guard },
    '/external-api': { render: async () => (await import('./pages/external-api')).externalApi(api, auth), guard },
    '/callback': { render: () => callback(auth, (target) => router.navigate(target, { replace: true })) },
  },
  { render: notFound },
  (path) => navbar.mark(path),
)

// A guarded page is replaced when its user changes.
let user: string | undefined
auth.session.followPart(
  (session) => profileOf(session)?.sub,
  (now) => {
    const before = user
    user = now
    if (before === undefined || !router.isGuarded()) return
    if (now === undefined) router.put(signedOut(auth, () => router.again()))
    else router.again()
  },
)

// For failures that no page handles, such as a dev server that has stopped.
onFailure((error) => router.put(failure(error)))
navbar.start()
router.start()
if (location.pathname !== '/callback') void quietly(auth.ready()) // pages that need it show what is wrong
