// Shows an API call: the request, the answer, and what was wrong.

import type { ApiAnswer } from '../api/api-service'
import type { Problem, Remedy } from '../api/problem'
import { button, el } from '../dom'

// The request and the answer's status, in one line.
export function summary({ path, status, statusText, milliseconds }: ApiAnswer, good: boolean): HTMLElement {
  const time = milliseconds < 10 ? milliseconds.toFixed(1) : milliseconds.toFixed(0)
  return el(
    'p',
    { class: good ? 'answer good' : 'answer bad' },
    el('code', {}, `GET ${path}`),
    ' → ',
    el('strong', {}, `${status} ${statusText}`.trim()),
    el('span', { class: 'detail' }, ` in ${time} ms`),
  )
}

const maxShown = 20_000 // characters of a body

export function body({ isJson, body }: ApiAnswer): HTMLElement {
  const text = isJson ? JSON.stringify(body, null, 2) : String(body) || '(nothing)'
  return el('pre', { tabindex: '0' }, el('code', {}, text.length > maxShown ? `${text.slice(0, maxShown)}…` : text))
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
