// The login and the call as a sequence diagram: a list of messages between four parties, which
// light up as they happen. Its style draws the arrows; without it, on phones and for screen
// readers, it is the list that it is.

import { type Exchange, toInspector } from '../dev/trace'
import { el } from '../dom'
import { howItIsDone, type Place } from './how'

const parties = ['Browser', 'Tenant', 'Dev server', 'API'] as const
type Party = (typeof parties)[number]

export type StepName = 'authorize' | 'code' | 'token' | 'tokens' | 'call' | 'forward' | 'keys' | 'answer'

interface Step {
  from: Party
  to: Party
  text: string
  about: string
  place?: Place // in the sources of this page
}

const steps: Record<StepName, Step> = {
  keys: {
    from: 'API',
    to: 'Tenant',
    text: 'Which public keys verify your tokens?',
    about:
      'The API fetches the tenant’s public keys when it starts and every few minutes, not for each call. With them it verifies signatures by itself.',
    place: { file: 'api/gate/jwks/refresh.go', name: 'fetchOnce' },
  },
  authorize: {
    from: 'Browser',
    to: 'Tenant',
    text: 'Who is this user, and may this app call the API?',
    about:
      'The page sends the browser to the tenant, with the audience of the token that it wants: the API’s identifier. The tenant asks who you are and, the first time, whether you agree. The page never sees your password.',
    place: { file: 'src/auth/auth-service.ts', name: 'login' },
  },
  code: {
    from: 'Tenant',
    to: 'Browser',
    text: 'A code that is valid once',
    about: 'The tenant sends the browser back to /callback. The code is useless without the secret that the page has kept (PKCE).',
    place: { file: 'src/pages/callback.ts', name: 'callback' },
  },
  token: {
    from: 'Browser',
    to: 'Tenant',
    text: 'The code, and the secret that the page made for it',
    about: 'The SDK exchanges the code for tokens.',
    place: { file: 'src/auth/auth-service.ts', name: 'handleRedirect' },
  },
  tokens: {
    from: 'Tenant',
    to: 'Browser',
    text: 'An ID token for the page, and an access token for the API',
    about:
      'The ID token tells the page who you are. The access token is for the API alone: its audience is the API’s identifier, and the tenant has signed it.',
    place: { file: 'src/auth/auth-service.ts', name: 'getToken' },
  },
  call: {
    from: 'Browser',
    to: 'Dev server',
    text: 'GET /api/external, with the access token',
    about: 'The page calls a path of its own origin, so no CORS is needed. The token is in the header Authorization.',
    place: { file: 'src/api/api-service.ts', name: 'call' },
  },
  forward: {
    from: 'Dev server',
    to: 'API',
    text: 'The same request, by a proxy rule',
    about: 'A rule in proxy.conf.json forwards what begins with /api. Change its target and save: the next request goes there.',
    place: { file: 'proxy.conf.json' },
  },
  answer: {
    from: 'API',
    to: 'Browser',
    text: 'The answer',
    about: 'The API checks the signature, the issuer, the audience, the times and what the token grants. Then it answers.',
    place: { file: 'api/gate/verifier.go', name: 'verifyBy' },
  },
}

// The steps, in the order in which they usually happen. The times of each group begin with it.
const groups: [title: string, steps: StepName[]][] = [
  ['Before: the API gets the tenant’s public keys', ['keys']],
  ['The login', ['authorize', 'code', 'token', 'tokens']],
  ['The call', ['call', 'forward', 'answer']],
]

export interface Light {
  state: 'waiting' | 'done' | 'failed'
  time?: string // in words
  trace?: string // where the inspector shows it
  text?: string // instead of the step's
}

export class Diagram {
  readonly element: HTMLElement
  private readonly items = new Map<
    StepName,
    { item: HTMLElement; text: HTMLElement; time: HTMLElement; link: HTMLElement; state: HTMLElement }
  >()

  constructor() {
    const lists = groups.flatMap(([title, names]) => [
      el('h3', {}, title),
      el('ol', { class: 'sequence', role: 'list' }, ...names.map((name) => this.row(name, steps[name]))),
    ])
    this.element = el(
      'section',
      { class: 'diagram', 'aria-labelledby': 'diagram' },
      el('h2', { id: 'diagram' }, 'What happens'),
      el('p', { class: 'detail' }, 'Select a step to see what it is for, and how it is done.'),
      el('div', { class: 'parties', 'aria-hidden': 'true' }, ...parties.map((party) => el('span', {}, party))),
      ...lists,
    )
  }

  private row(name: StepName, { from, to, text, about, place }: Step): HTMLElement {
    const label = el('span', { class: 'text' }, text)
    const time = el('span', { class: 'time' })
    const link = el('p')
    const state = el('span', { class: 'unseen' }) // for screen readers, which have no colors
    const [a, b] = [parties.indexOf(from), parties.indexOf(to)]
    const item = el(
      'li',
      { class: `from-${Math.min(a, b)} to-${Math.max(a, b)} ${a < b ? 'right' : 'left'}`, 'data-step': name },
      el(
        'details',
        {},
        el('summary', {}, el('span', { class: 'who' }, `${from} to ${to}: `), label, ' ', time, state),
        el('p', {}, about),
        link,
        ...(place ? [howItIsDone(place)] : []),
      ),
    )
    this.items.set(name, { item, text: label, time, link, state })
    return item
  }

  // Shows that a step happens, or has happened.
  light(name: StepName, { state, time = '', trace, text = steps[name].text }: Light): void {
    const row = this.items.get(name)
    if (!row) return
    row.item.classList.remove('waiting', 'done', 'failed')
    row.item.classList.add(state)
    row.text.textContent = text
    row.time.textContent = time
    row.state.textContent = `, ${state}`
    row.link.replaceChildren(...(trace ? [toInspector(trace, 'This request in the inspector')] : []))
  }

  // Darkens the steps of a call, before the next one.
  clear(): void {
    for (const name of ['call', 'forward', 'answer'] as const) {
      const row = this.items.get(name)
      row?.item.classList.remove('waiting', 'done', 'failed')
      row?.text.replaceChildren(steps[name].text)
      row?.time.replaceChildren()
      row?.link.replaceChildren()
      row?.state.replaceChildren()
    }
  }

  // Lights the steps of the login, with the times of its requests if the tenant has recorded them.
  // call is the last call, if there was one, whose token came from the login.
  showLogin(exchanges: Exchange[], call?: Exchange): void {
    const atTenant = exchanges.filter(({ party, done }) => party === 'tenant' && done)
    const flows = atTenant.filter((x) => isFor(x, '/authorize')).map((x) => x.flow)
    const exchanged = atTenant.findLast(
      (x) => isFor(x, '/oauth/token') && x.response.status === 200 && (x.flow === call?.flow || flows.includes(x.flow)),
    )
    const flow = exchanged ? atTenant.filter((x) => x.flow === exchanged.flow) : []
    const first = flow.find((x) => isFor(x, '/authorize'))
    const last = flow.findLast((x) => /\/(authorize|u\/login|u\/consent)$/.test(path(x)))
    const since = (x: Exchange, end: boolean) =>
      first === x && !end
        ? 'start'
        : first
          ? `after ${words(Date.parse(x.start) + (end ? x.milliseconds : 0) - Date.parse(first.start))}`
          : ''
    const light = (name: StepName, x: Exchange | undefined, end: boolean) =>
      this.light(name, { state: 'done', ...(x && { time: since(x, end), trace: x.trace }) })
    light('authorize', first, false)
    light('code', last, true)
    light('token', exchanged, false)
    light('tokens', exchanged, true)
    const keys = atTenant.findLast((x) => isFor(x, '/.well-known/jwks.json'))
    if (keys) this.light('keys', { state: 'done', time: `at ${new Date(keys.start).toLocaleTimeString()}`, trace: keys.trace })
  }

  // Adds the time at which a call has reached the API. Returns whether the API has told it.
  showCall({ spans, trace }: Exchange, began: number): boolean {
    const api = spans.findLast(({ kind, service }) => kind === 'server' && service !== 'page')
    if (api) this.light('forward', { state: 'done', time: `after ${words(Date.parse(api.start) - began)}`, trace })
    return api !== undefined
  }
}

const path = ({ request }: Exchange): string => (request.url ?? '').replace(/^https?:\/\/[^/]+/, '').replace(/\?.*/, '')
const isFor = (x: Exchange, wanted: string): boolean => path(x) === wanted

// A time in words, from milliseconds.
export function words(milliseconds: number): string {
  const ms = Math.max(0, milliseconds)
  return ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`
}
