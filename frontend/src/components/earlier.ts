// The calls before the last one, the newest first, so that a 403 and the 200 after it can be
// compared.

import { el } from '../dom'

const most = 5

export class Earlier {
  readonly element = el(
    'section',
    { class: 'earlier', 'aria-labelledby': 'earlier', hidden: true },
    el('h2', { id: 'earlier' }, 'Earlier calls'),
  )

  // Adds a call: its title, and what was shown of it, which moves here.
  add(title: string, shown: Node[]): void {
    const item = el('details', {}, el('summary', {}, title), ...shown)
    this.element.querySelector('h2')?.after(item)
    this.element.hidden = false
    for (const old of [...this.element.querySelectorAll(':scope > details')].slice(most)) old.remove()
  }
}
