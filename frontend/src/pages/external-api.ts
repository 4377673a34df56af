// Calls the API in three ways, or with tokens that it must reject, and explains the answers.

import { type ApiAnswer, type ApiService, type CallOptions, NetworkError } from '../api/api-service'
import { checksOf } from '../api/checks'
import { explainAnswer, explainError, type Remedy } from '../api/problem'
import type { Tampering } from '../api/tamper'
import { attempt, quietly } from '../attempt'
import type { AuthService } from '../auth/auth-service'
import { Diagram, words } from '../components/diagram'
import { Earlier, type Kept } from '../components/earlier'
import { body, checkList, errorPanel, rejection, sentWith, summary } from '../components/exchange'
import { tamperingList } from '../components/tampering'
import { TokenInspector } from '../components/token-inspector'
import { loadStatus } from '../dev/status'
import { loadExchanges, toInspector } from '../dev/trace'
import { button, el } from '../dom'
import type { Page } from '../router'

interface Call {
  text: string
  path: string
  about: string
  isTampered?: boolean // the API must reject it
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
  const earlier = new Earlier(auth.profile?.sub)
  const diagram = new Diagram()
  const inspector = new TokenInspector(auth.session)
  const buttons: HTMLButtonElement[] = []
  let shown: Kept | undefined // the call that is shown
  let busy = false // a call is under way
  let followed = new AbortController() // ends what lights the diagram for the last call
  let inspectable = false // the dev server records requests
  let isLocal = false // the tenant is the dev server's own, which records the requests of logins

  // One call at a time, so that the answer shown belongs to the last button pressed.
  async function call(one: Call, pressed: HTMLButtonElement, fresh = false): Promise<void> {
    if (busy) return
    setBusy(true)
    pressed.setAttribute('aria-busy', 'true')
    if (shown) earlier.add(shown, [...summaryLine.childNodes, ...answered.childNodes])
    shown = undefined
    summaryLine.replaceChildren(el('p', {}, 'Waiting for the API…'))
    answered.replaceChildren()
    followed.abort()
    followed = new AbortController()
    diagram.clear()
    diagram.light('call', { state: 'waiting', text: `GET ${one.path}` })
    const act = (remedy: Remedy) =>
      help(remedy, (withFresh) => {
        pressed.focus() // the remedy's button is about to be removed
        attempt(call(one, pressed, withFresh))
      })
    let answer: ApiAnswer | undefined
    try {
      answer = await one.run({ fresh, signal: left.signal })
      show(one, answer, act)
    } catch (error) {
      diagram.clear()
      if (error instanceof NetworkError) diagram.light('call', { state: 'failed', text: `GET ${one.path}` })
      shown = { title: `${one.text}: no answer`, sent: '', checks: [], body: '' }
      if (!left.signal.aborted) summaryLine.replaceChildren(errorPanel(explainError(error), act))
    } finally {
      pressed.removeAttribute('aria-busy')
      setBusy(false)
    }
    if (!left.signal.aborted) void quietly(showTraces(answer))
  }

  function show(one: Call, answer: ApiAnswer, act: (remedy: Remedy) => void): void {
    if (left.signal.aborted) return
    const problem = explainAnswer(answer, auth.askedScopes())
    const tampered = one.isTampered ? rejection(answer) : undefined
    const isGood = tampered ? tampered.rejected : problem === undefined
    if (answer.proof) void quietly(inspector.sent(answer.path, answer.proof))
    const sentLine = sentWith(answer, auth.profile)
    const checks = checksOf(answer)
    const content = body(answer)
    shown = {
      title: `${one.text}: GET ${answer.path} → ${answer.status}`,
      sent: sentLine.textContent ?? '',
      checks: checks ?? [],
      body: content.textContent ?? '',
    }
    const explained = tampered ? [tampered.element] : problem ? [errorPanel(problem, act)] : []
    summaryLine.replaceChildren(summary(answer, tampered ? false : isGood, one.isTampered ? one.text : ''), sentLine, ...explained)
    const link = el('p', {}, toInspector(answer.trace, 'This call in the inspector'))
    answered.replaceChildren(...checkList(checks), content, ...(inspectable ? [link] : []))
    const trace = inspectable ? { trace: answer.trace } : {}
    const sent = answer.sent ? (one.isTampered ? 'the changed token' : 'the access token') : 'no token'
    diagram.light('call', { state: 'done', text: `GET ${answer.path}, with ${sent}`, time: 'start', ...trace })
    if (answer.isJson && answer.status < 500) diagram.light('forward', { state: 'done', ...trace })
    const through = inspectable ? ', through the dev server' : ''
    diagram.light('answer', {
      state: problem ? 'failed' : 'done',
      text: `${answer.status} ${answer.statusText}`.trim() + through,
      time: `after ${words(answer.milliseconds)}`,
      ...trace,
    })
  }

  function setBusy(now: boolean): void {
    busy = now
    for (const one of buttons) {
      if (now)
        one.setAttribute('aria-disabled', 'true') // not disabled, which would remove the keyboard focus
      else one.removeAttribute('aria-disabled')
    }
  }

  // Sends a token that the API must reject.
  function tamper(one: Tampering, pressed: HTMLButtonElement): void {
    const run = async (options: CallOptions) => {
      const [access, id] = await Promise.all([auth.getToken().catch(() => undefined), auth.getIdToken().catch(() => undefined)])
      const token = (await one.make({ access, id, subject: auth.profile?.sub ?? '' })) ?? null
      return api.call('/api/external', { ...options, token })
    }
    attempt(call({ text: one.text, path: '/api/external', about: one.about, isTampered: true, run }, pressed))
  }

  function help(remedy: Remedy, again: (fresh: boolean) => void): void {
    const here = location.pathname + location.search + location.hash
    if (remedy.kind !== 'renew' && remedy.kind !== 'retry') earlier.keep(shown)
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

  // Lights the diagram by what the dev server has recorded. The API tells of its part a moment
  // after its answer.
  async function showTraces(answer?: ApiAnswer): Promise<void> {
    const until = AbortSignal.any([left.signal, followed.signal, AbortSignal.timeout(3000)])
    let known: number | undefined
    for (;;) {
      const recorded = await loadExchanges(known, until)
      inspectable = recorded !== undefined
      if (!recorded || until.aborted) return
      const own = recorded.exchanges.findLast(({ party, trace }) => party === 'dev server' && trace === answer?.trace)
      diagram.showLogin(isLocal ? recorded.exchanges : [], own)
      if (!answer || !own || diagram.showCall(own, answer.began)) return
      known = recorded.version
    }
  }

  const list = callsOf(api).map((one) => {
    const pressed: HTMLButtonElement = button(one.text, () => attempt(call(one, pressed)), buttons.length > 0 ? {} : { class: 'primary' })
    buttons.push(pressed)
    return el('li', {}, pressed, el('span', {}, el('code', {}, `GET ${one.path}`), ` ${one.about}`))
  })
  const tampering = tamperingList(tamper, buttons)
  void quietly(auth.getToken()) // for the inspector; a call shows what is wrong
  void quietly(
    loadStatus()
      .catch(() => undefined)
      .then((status) => {
        isLocal = status?.tenant.local === true
        diagram.showLogin([])
        inspector.callAt(status?.external, isLocal)
        tampering.allow(isLocal)
        return showTraces()
      }),
  )
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
        'Calls the API with your access token: a note, signed by the tenant where you logged in, that says for which API it is and what this app may do there. The API checks it at each call.',
      ),
      el('ul', { class: 'calls' }, ...list),
      tampering.element,
      summaryLine,
      answered,
      earlier.element,
      diagram.element,
      inspector.element,
    ),
  }
}
