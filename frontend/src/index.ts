// Wires the page together; what it does is in the modules.

import { ApiService } from './api/api-service'
import { authGuard } from './auth/auth-guard'
import { AuthService } from './auth/auth-service'
import { Navbar } from './components/navbar'
import { loadConfig } from './config'
import { callback } from './pages/callback'
import { externalApi } from './pages/external-api'
import { failure } from './pages/failure'
import { home } from './pages/home'
import { notFound } from './pages/not-found'
import { profile } from './pages/profile'
import { Router } from './router'

const byId = (id: string): HTMLElement => {
  const element = document.getElementById(id)
  if (!element) throw new Error(`index.html has no element #${id}`)
  return element
}

const auth = new AuthService(loadConfig)
const api = new ApiService(() => auth.getToken())
const navbar = new Navbar(byId('navbar'), auth)
const guard = authGuard(auth)
const router = new Router(
  byId('outlet'),
  {
    '/': { render: () => home(auth) },
    '/profile': { render: () => profile(auth), guard },
    '/external-api': { render: () => externalApi(api), guard },
    '/callback': { render: () => callback(auth, (target) => router.navigate(target, { replace: true })) },
  },
  { render: notFound },
  (path) => navbar.mark(path),
)

// What no page has an answer to, such as a dev server that is gone.
addEventListener('unhandledrejection', (event) => router.put(failure(event.reason)))
navbar.start()
router.start()
if (location.pathname !== '/callback') void auth.ready()
