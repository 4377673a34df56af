// The calls before the last one, the newest first, so that a 403 and the 200 after it can be
// compared. They outlive a login in between.

import type { Check } from '../api/checks'
import { el, preformatted } from '../dom'
import { keep, recall } from '../storage'
import { checkList } from './exchange'

const most = 5
const maxKept = 2000 // characters of a body

// What is left of a call after a login: nothing of its token but what the page shows of it.
export interface Kept {
  title: string
  sent: string
  checks: Check[]
  body: string
}

export class Earlier {
  readonly element = el(
    'section',
    { class: 'earlier', 'aria-labelledby': 'earlier', hidden: true },
    el('h2', { id: 'earlier' }, 'Earlier calls'),
  )
  private calls: Kept[] = [] // the newest first

  // user is the subject of whoever is logged in. Calls of another user are forgotten.
  constructor(private readonly user: string | undefined) {
    for (const call of restore(user).reverse()) {
      this.add(call, [el('p', { class: 'sent' }, call.sent), ...checkList(call.checks), preformatted(`Answer of ${call.title}`, call.body)])
    }
  }

  // Adds a call, with what was shown of it, which moves here.
  add(call: Kept, shown: Node[]): void {
    this.calls = [call, ...this.calls].slice(0, most)
    const item = el('details', {}, el('summary', {}, call.title), ...shown)
    this.element.querySelector('h2')?.after(item)
    this.element.hidden = false
    for (const old of [...this.element.querySelectorAll(':scope > details')].slice(most)) old.remove()
  }

  // Keeps the calls, and the last one before them, until this tab is back from a login.
  keep(last: Kept | undefined): void {
    const calls = [...(last ? [last] : []), ...this.calls].slice(0, most)
    keep('calls', JSON.stringify({ user: this.user, calls: calls.map((one) => ({ ...one, body: one.body.slice(0, maxKept) })) }))
  }
}

function restore(user: string | undefined): Kept[] {
  const kept = recall('calls')
  keep('calls', undefined)
  if (kept === undefined) return []
  try {
    const { user: before, calls } = JSON.parse(kept) as { user?: string; calls: Kept[] }
    return before === user && Array.isArray(calls) && calls.every(isKept) ? calls : []
  } catch {
    return [] // not written by this version of the page
  }
}

const isKept = (call: Kept | null): boolean =>
  typeof call?.title === 'string' && typeof call.sent === 'string' && typeof call.body === 'string' && Array.isArray(call.checks)
