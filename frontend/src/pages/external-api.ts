// Calls the API in the three ways that it can be called, and says what came of it.

import type { ApiAnswer, ApiService } from '../api/api-service'
import { explainAnswer, explainError, type Remedy } from '../api/problem'
import type { AuthService } from '../auth/auth-service'
import { body, summary, trouble } from '../components/exchange'
import { TokenInspector } from '../components/token-inspector'
import { loadStatus, targetFor } from '../dev/status'
import { button, el } from '../dom'
import type { Page } from '../router'

interface Call {
  text: string
  path: string
  about: string
  isPublic?: boolean
}

const calls: Call[] = [
  { text: 'Ping API', path: '/api/external', about: 'wants any good access token.' },
  { text: 'Call private', path: '/api/private-scoped', about: 'wants the scope read:messages as well.' },
  { text: 'Call public', path: '/api/public', about: 'wants nothing.', isPublic: true },
]

export function externalApi(api: ApiService, auth: AuthService): Page {
  const result = el('div', { class: 'result', 'aria-live': 'polite' })
  const inspector = new TokenInspector(async () => ({
    token: await auth.getToken(),
    api: targetFor('/api', await loadStatus().catch(() => undefined)) ?? location.origin,
  }))
  const buttons: HTMLButtonElement[] = []
  const show = () => inspector.show(() => auth.getToken())

  // One call at a time, so that what is shown is of the button pressed last.
  async function call(one: Call, pressed: HTMLButtonElement, fresh = false): Promise<void> {
    if (buttons.some((other) => other.ariaBusy === 'true')) return
    pressed.ariaBusy = 'true' // not disabled: that would take the keyboard's focus away
    result.replaceChildren(el('p', {}, 'Waiting for the API…'))
    const again = (withFresh: boolean) => void call(one, pressed, withFresh)
    try {
      const answer = await api.call(one.path, { isPublic: one.isPublic ?? false, fresh })
      result.replaceChildren(...shown(answer, again))
    } catch (error) {
      result.replaceChildren(trouble(explainError(error), (remedy) => act(remedy, again)))
    } finally {
      pressed.ariaBusy = 'false'
      void show()
    }
  }

  function shown(answer: ApiAnswer, again: (fresh: boolean) => void): Node[] {
    const problem = explainAnswer(answer, auth.askedScopes())
    return [
      summary(answer, problem === undefined),
      ...(problem ? [trouble(problem, (remedy) => act(remedy, again))] : []),
      body(answer),
    ]
  }

  function act(remedy: Remedy, again: (fresh: boolean) => void): void {
    const here = location.pathname + location.search
    switch (remedy.kind) {
      case 'login':
        return void auth.login(here)
      case 'consent':
        return void auth.login(here, { prompt: 'consent' })
      case 'scope':
        return void auth.login(here, { scope: remedy.scope })
      case 'renew':
        return again(true)
      case 'retry':
        return again(false)
    }
  }

  const list = calls.map((one) => {
    const pressed: HTMLButtonElement = button(one.text, () => void call(one, pressed), one.isPublic || buttons.length > 0 ? {} : { class: 'primary' })
    buttons.push(pressed)
    return el('li', {}, pressed, el('span', {}, el('code', {}, `GET ${one.path}`), ` ${one.about}`))
  })
  void show()
  return {
    title: 'External API',
    leave: () => inspector.stop(),
    content: el(
      'section',
      {},
      el('h1', {}, 'External API'),
      el('p', { class: 'lead' }, 'Calls the API with your access token. The dev server passes the request on, and the API checks the token.'),
      el('ul', { class: 'calls' }, ...list),
      result,
      inspector.element,
    ),
  }
}
