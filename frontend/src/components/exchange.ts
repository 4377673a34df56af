// A call of the API as it went: the request, the answer, and what was wrong.

import type { ApiAnswer } from '../api/api-service'
import type { Problem, Remedy } from '../api/problem'
import { button, el } from '../dom'

// The request and the answer's status, in a line.
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

const mostShown = 20_000 // characters of a body

export function body({ isJson, body }: ApiAnswer): HTMLElement {
  const text = isJson ? JSON.stringify(body, null, 2) : String(body) || '(nothing)'
  return el('pre', { tabindex: '0' }, el('code', {}, text.length > mostShown ? text.slice(0, mostShown) + '…' : text))
}

const remedies: Record<Remedy['kind'], string> = {
  login: 'Log in again',
  consent: 'Agree at the tenant',
  scope: 'Ask for it',
  renew: 'Get a fresh token and try again',
  retry: 'Try again',
}

// What a failure means and what to do next, with a button where one can help.
export function trouble(problem: Problem, act: (remedy: Remedy) => void): HTMLElement {
  const { title, meaning, next, remedy } = problem
  return el(
    'div',
    { class: 'trouble' },
    el('h2', {}, title),
    el('p', {}, meaning),
    el('p', {}, el('strong', {}, 'Next: '), next),
    ...(remedy ? [el('p', {}, button(remedies[remedy.kind], () => act(remedy)))] : []),
  )
}
