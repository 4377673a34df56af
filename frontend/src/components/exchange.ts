// Shows an API call: the request, the answer, and what was wrong.

import type { ApiAnswer } from '../api/api-service'
import type { Check } from '../api/checks'
import type { Problem, Remedy } from '../api/problem'
import { countdown, decodeToken } from '../auth/token'
import { button, el, preformatted } from '../dom'
import type { Profile } from '../session'

// The request and the answer's status, in one line.
// what names a call that is not one of the page's own.
export function summary({ path, status, statusText, milliseconds }: ApiAnswer, good: boolean, what = ''): HTMLElement {
  const time = milliseconds < 10 ? milliseconds.toFixed(1) : milliseconds.toFixed(0)
  return el(
    'p',
    { class: good ? 'answer good' : 'answer bad' },
    ...(what ? [`${what}: `] : []),
    el('code', {}, `GET ${path}`),
    ' → ',
    el('strong', {}, `${status} ${statusText}`.trim()),
    el('span', { class: 'detail' }, ` in ${time} ms`),
  )
}

// What became of a token that the API must reject; undefined if the answer does not tell.
export function rejection({ status, isJson, body }: ApiAnswer): { rejected: boolean; element: HTMLElement } | undefined {
  const why = typeof body === 'object' && body !== null && 'error_description' in body ? String(body.error_description) : ''
  if (isJson && (status === 400 || status === 401)) {
    return { rejected: true, element: el('p', {}, el('strong', {}, 'Rejected, as it must be. '), why) }
  }
  if (!isJson || status >= 300) return undefined
  return { rejected: false, element: el('p', { class: 'bad' }, el('strong', {}, 'Not rejected. '), 'The API must answer 401.') }
}

const maxShown = 20_000 // characters of a body

// The token that was sent, without what makes it valid: whose it is, what it grants, and for how
// long.
export function sentWith({ sent }: ApiAnswer, user: Profile | undefined): HTMLElement {
  if (!sent) return el('p', { class: 'sent' }, 'Sent with no token')
  return el(
    'p',
    { class: 'sent' },
    'Sent with ',
    el('code', {}, `Authorization: ${sent.scheme} ${sent.token.slice(0, 10)}…`),
    ` (${ofToken(sent.token, user)})`,
  )
}

function ofToken(token: string, user: Profile | undefined): string {
  const claims = decodeToken(token)?.claims
  if (!claims) return 'not a JWT'
  const { sub, scope, permissions, exp } = claims
  const whose = sub === user?.sub ? `${user?.given_name || user?.name || 'this user'}’s` : `of ${String(sub ?? 'nobody')}`
  const granted = [...(typeof scope === 'string' ? scope.split(' ') : []), ...(Array.isArray(permissions) ? permissions.map(String) : [])]
  const api = [...new Set(granted.filter((one) => !identityScopes.includes(one)))]
  const left = typeof exp === 'number' ? Math.trunc(exp - Date.now() / 1000) : undefined
  const time = left === undefined ? 'no expiry' : left >= 0 ? `${countdown(left).replace('in ', '')} left` : `expired ${countdown(left)}`
  return [whose, api.join(' ') || 'no scope of the API', time].join(', ')
}

const identityScopes = ['openid', 'profile', 'email', 'offline_access', '']

const marks = { passed: '✓', failed: '✗', 'not checked': '–' }

// What the API has checked; nothing if the answer does not say it.
export function checkList(checks: Check[] | undefined): Node[] {
  if (!checks) return []
  return [
    el('p', { class: 'label' }, 'What the API checked'),
    el(
      'ol',
      { class: 'checks' },
      ...checks.map(({ name, result, meaning }) =>
        el(
          'li',
          { class: result.replace(' ', '-') },
          el('span', { class: 'mark', 'aria-hidden': 'true' }, marks[result]),
          el('span', {}, el('span', { class: 'result' }, `${name}: ${result}`), el('span', { class: 'detail' }, ` ${meaning}`)),
        ),
      ),
    ),
  ]
}

export function body({ path, isJson, body }: ApiAnswer): HTMLElement {
  const text = isJson ? JSON.stringify(body, null, 2) : String(body) || '(nothing)'
  return preformatted(`Answer of ${path}`, text.length > maxShown ? `${text.slice(0, maxShown)}…` : text)
}

const remedies: Record<Remedy['kind'], string> = {
  login: 'Log in again',
  consent: 'Agree at the tenant',
  scope: 'Request it',
  renew: 'Get a fresh token and try again',
  retry: 'Try again',
}

// Explains a problem and what to do next, with a button if there is a remedy.
export function errorPanel(problem: Problem, act: (remedy: Remedy) => void): HTMLElement {
  const { title, meaning, next, remedy } = problem
  return el(
    'div',
    { class: 'error-panel' },
    el('h2', {}, title),
    el('p', {}, meaning),
    el('p', {}, el('strong', {}, 'Next: '), next),
    ...(remedy
      ? [
          el(
            'p',
            {},
            button(remedies[remedy.kind], () => act(remedy)),
          ),
        ]
      : []),
  )
}
