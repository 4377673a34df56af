// Calls the API in the three ways that it can be called, and says what came of it.

import type { ApiAnswer, ApiService, CallOptions } from '../api/api-service'
import { explainAnswer, explainError, type Remedy } from '../api/problem'
import { attempt } from '../attempt'
import type { AuthService } from '../auth/auth-service'
import { body, summary, trouble } from '../components/exchange'
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
    about: 'wants any good access token.',
    run: (options) => api.ping(options),
  },
  {
    text: 'Call private',
    path: '/api/private-scoped',
    about: 'wants the scope read:messages as well.',
    run: (options) => api.call('/api/private-scoped', { ...options, scope: 'read:messages' }),
  },
  {
    text: 'Call public',
    path: '/api/public',
    about: 'wants nothing.',
    run: (options) => api.call('/api/public', { ...options, isPublic: true }),
  },
]

export function externalApi(api: ApiService, auth: AuthService): Page {
  const left = new AbortController()
  const said = el('div', { 'aria-live': 'polite' }) // in a few words: all of an answer would be read out
  const answered = el('div')
  const inspector = new TokenInspector(auth.token)
  const buttons: HTMLButtonElement[] = []

  // One call at a time, so that what is shown is of the button pressed last.
  async function call(one: Call, pressed: HTMLButtonElement, fresh = false): Promise<void> {
    if (pressed.getAttribute('aria-disabled') === 'true') return
    // Not disabled: that would take the keyboard's focus away.
    for (const other of buttons) other.setAttribute('aria-disabled', 'true')
    pressed.setAttribute('aria-busy', 'true')
    said.replaceChildren(el('p', {}, 'Waiting for the API…'))
    answered.replaceChildren()
    const act = (remedy: Remedy) => help(remedy, (withFresh) => {
      pressed.focus() // the remedy's own button goes
      void call(one, pressed, withFresh)
    })
    try {
      show(await one.run({ fresh, signal: left.signal }), act)
    } catch (error) {
      if (!left.signal.aborted) said.replaceChildren(trouble(explainError(error), act))
    } finally {
      pressed.removeAttribute('aria-busy')
      for (const other of buttons) other.removeAttribute('aria-disabled')
    }
  }

  function show(answer: ApiAnswer, act: (remedy: Remedy) => void): void {
    if (left.signal.aborted) return
    const problem = explainAnswer(answer, auth.askedScopes())
    said.replaceChildren(summary(answer, problem === undefined), ...(problem ? [trouble(problem, act)] : []))
    answered.replaceChildren(body(answer))
  }

  function help(remedy: Remedy, again: (fresh: boolean) => void): void {
    const here = location.pathname + location.search
    switch (remedy.kind) {
      case 'login':
        return attempt(auth.login(here))
      case 'consent':
        return attempt(auth.login(here, { prompt: 'consent' }))
      case 'scope':
        return attempt(auth.login(here, { scope: remedy.scope }))
      case 'renew':
        return again(true)
      case 'retry':
        return again(false)
    }
  }

  const list = callsOf(api).map((one) => {
    const pressed: HTMLButtonElement = button(one.text, () => void call(one, pressed), buttons.length > 0 ? {} : { class: 'primary' })
    buttons.push(pressed)
    return el('li', {}, pressed, el('span', {}, el('code', {}, `GET ${one.path}`), ` ${one.about}`))
  })
  void auth.getToken().catch(() => undefined) // to show; what is wrong is said when a call wants it
  void loadStatus().then((status) => inspector.callAt(status?.external), () => undefined)
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
      el('p', { class: 'lead' }, 'Calls the API with your access token. The dev server passes the request on, and the API checks the token.'),
      el('ul', { class: 'calls' }, ...list),
      said,
      answered,
      inspector.element,
    ),
  }
}
