// Wires the page together; what it does is in the modules.

import { ApiService } from './api/api-service'
import { onFailure } from './attempt'
import { authGuard } from './auth/auth-guard'
import { AuthService } from './auth/auth-service'
import { OtherTabs } from './auth/other-tabs'
import { Navbar } from './components/navbar'
import { loadConfig } from './config'
import { callback } from './pages/callback'
import { externalApi } from './pages/external-api'
import { failure } from './pages/failure'
import { home } from './pages/home'
import { notFound } from './pages/not-found'
import { profile } from './pages/profile'
import { signedOut } from './pages/signed-out'
import { Router } from './router'

const byId = (id: string): HTMLElement => {
  const element = document.getElementById(id)
  if (!element) throw new Error(`index.html has no element #${id}`)
  return element
}

const auth = new AuthService(loadConfig, new OtherTabs())
const api = new ApiService((options) => auth.getToken(options))
const navbar = new Navbar(byId('navbar'), auth)
const guard = authGuard(auth)
const router = new Router(
  byId('outlet'),
  {
    '/': { render: () => home(auth, loadConfig) },
    '/profile': { render: () => profile(auth), guard },
    '/external-api': { render: () => externalApi(api, auth), guard },
    '/callback': { render: () => callback(auth, (target) => router.navigate(target, { replace: true })) },
  },
  { render: notFound },
  (path) => navbar.mark(path),
)

// A guarded page goes with the session that it was shown for.
let person: string | undefined
auth.profile.follow((now) => {
  const before = person
  person = now?.sub
  if (before === undefined || before === person || !router.isGuarded()) return
  if (now) router.again()
  else router.put(signedOut(auth, () => router.again()))
})

// What no page has an answer to, such as a dev server that is gone.
onFailure((error) => router.put(failure(error)))
navbar.start()
router.start()
if (location.pathname !== '/callback') void auth.ready().catch(() => undefined) // pages that need it say what is wrong
