// Calls the API in three ways and explains the answers.

import type { ApiAnswer, ApiService, CallOptions } from '../api/api-service'
import { explainAnswer, explainError, type Remedy } from '../api/problem'
import { attempt, quietly } from '../attempt'
import type { AuthService } from '../auth/auth-service'
import { body, errorPanel, summary } from '../components/exchange'
import { TokenInspector } from '../components/token-inspector'
import { loadStatus } from '../dev/status'
import { button, el } from '../dom'
import type { Page } from '../router'

interface Call {
  text: string
  path: string
  about: string
  run: (options: CallOptions) => Promise<ApiAnswer>
}

const callsOf = (api: ApiService): Call[] => [
  {
    text: 'Ping API',
    path: '/api/external',
    about: 'needs a valid access token.',
    run: (options) => api.ping(options),
  },
  {
    text: 'Call private',
    path: '/api/private-scoped',
    about: 'also needs the scope read:messages.',
    run: (options) => api.call('/api/private-scoped', { ...options, scope: 'read:messages' }),
  },
  {
    text: 'Call public',
    path: '/api/public',
    about: 'needs no token.',
    run: (options) => api.call('/api/public', { ...options, isPublic: true }),
  },
]

export function externalApi(api: ApiService, auth: AuthService): Page {
  const left = new AbortController()
  const summaryLine = el('div', { 'aria-live': 'polite' }) // a summary, because screen readers read all of it
  const answered = el('div')
  const inspector = new TokenInspector(auth.session)
  const buttons: HTMLButtonElement[] = []

  // One call at a time, so that the answer shown belongs to the last button pressed.
  async function call(one: Call, pressed: HTMLButtonElement, fresh = false): Promise<void> {
    if (pressed.getAttribute('aria-disabled') === 'true') return
    // Not disabled, which would remove the keyboard focus.
    for (const other of buttons) other.setAttribute('aria-disabled', 'true')
    pressed.setAttribute('aria-busy', 'true')
    summaryLine.replaceChildren(el('p', {}, 'Waiting for the API…'))
    answered.replaceChildren()
    const act = (remedy: Remedy) =>
      help(remedy, (withFresh) => {
        pressed.focus() // the remedy's button is about to be removed
        attempt(call(one, pressed, withFresh))
      })
    try {
      show(await one.run({ fresh, signal: left.signal }), act)
    } catch (error) {
      if (!left.signal.aborted) summaryLine.replaceChildren(errorPanel(explainError(error), act))
    } finally {
      pressed.removeAttribute('aria-busy')
      for (const other of buttons) other.removeAttribute('aria-disabled')
    }
  }

  function show(answer: ApiAnswer, act: (remedy: Remedy) => void): void {
    if (left.signal.aborted) return
    const problem = explainAnswer(answer, auth.askedScopes())
    if (answer.proof) void quietly(inspector.sent(answer.path, answer.proof))
    summaryLine.replaceChildren(summary(answer, problem === undefined), ...(problem ? [errorPanel(problem, act)] : []))
    answered.replaceChildren(body(answer))
  }

  function help(remedy: Remedy, again: (fresh: boolean) => void): void {
    const here = location.pathname + location.search
    switch (remedy.kind) {
      case 'login':
        attempt(auth.login(here))
        break
      case 'consent':
        attempt(auth.login(here, { prompt: 'consent' }))
        break
      case 'scope':
        attempt(auth.login(here, { scope: remedy.scope }))
        break
      case 'renew':
        again(true)
        break
      case 'retry':
        again(false)
        break
    }
  }

  const list = callsOf(api).map((one) => {
    const pressed: HTMLButtonElement = button(one.text, () => attempt(call(one, pressed)), buttons.length > 0 ? {} : { class: 'primary' })
    buttons.push(pressed)
    return el('li', {}, pressed, el('span', {}, el('code', {}, `GET ${one.path}`), ` ${one.about}`))
  })
  void quietly(auth.getToken()) // for the inspector; a call shows what is wrong
  void quietly(loadStatus().then((status) => inspector.callAt(status?.external, status?.tenant.local)))
  return {
    title: 'External API',
    leave: () => {
      left.abort()
      inspector.stop()
    },
    content: el(
      'section',
      {},
      el('h1', {}, 'External API'),
      el(
        'p',
        { class: 'lead' },
        'Calls the API with your access token. The dev server forwards the request, and the API checks the token.',
      ),
      el('ul', { class: 'calls' }, ...list),
      summaryLine,
      answered,
      inspector.element,
    ),
  }
}
