// Buttons that send tokens which the API must reject.

import { type Tampering, tamperings } from '../api/tamper'
import { button, el } from '../dom'

// The list. send sends one; the buttons are added to those that wait for each other. Those whose
// tokens the local tenant makes are off until allow is called, and stay off with the reason why.
export function tamperingList(
  send: (one: Tampering, pressed: HTMLButtonElement) => void,
  buttons: HTMLButtonElement[],
): { element: HTMLElement; allow: (isLocal: boolean) => void } {
  const made: HTMLButtonElement[] = []
  const why = el('p', { class: 'detail' })
  const list = tamperings.map((one) => {
    const pressed: HTMLButtonElement = button(one.text, () => send(one, pressed))
    if (one.isMade) {
      pressed.disabled = true
      made.push(pressed)
    } else {
      buttons.push(pressed)
    }
    return el('li', {}, pressed, el('span', {}, one.about))
  })
  const element = el(
    'details',
    { class: 'tampering' },
    el('summary', {}, 'Tamper with the token'),
    el('p', { class: 'detail' }, 'Each of these calls GET /api/external with a token that the API must reject, and shows why it did.'),
    el('ul', { class: 'calls' }, ...list),
    why,
  )
  const allow = (isLocal: boolean) => {
    for (const one of made) {
      one.disabled = !isLocal
      if (isLocal && !buttons.includes(one)) buttons.push(one)
    }
    why.textContent = isLocal
      ? ''
      : 'Three buttons are disabled: only the local tenant can make such tokens, and this page uses another tenant or runs without the dev server.'
  }
  return { element, allow }
}
