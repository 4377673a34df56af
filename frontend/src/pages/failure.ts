// Replaces a page after a failure that no page handles.

import { button, el } from '../dom'
import type { Page } from '../router'

// What to do if the browser stores nothing for this page.
export const noStorage =
  'The browser does not let this page store anything: it blocks data of sites, or its storage is full. Allow it for this address, or free some, and try again.'

export function failure(error: unknown): Page {
  const isStorage = error instanceof DOMException && ['QuotaExceededError', 'SecurityError'].includes(error.name)
  return {
    title: 'Something went wrong',
    content: el(
      'section',
      {},
      el('h1', {}, 'Something went wrong'),
      el(
        'p',
        { role: 'alert' },
        isStorage ? noStorage : 'This page does not work now. Is the dev server running? Its terminal may say more.',
      ),
      el('p', { class: 'detail' }, el('code', {}, error instanceof Error ? error.message : String(error))),
      el(
        'p',
        { class: 'actions' },
        button('Load again', () => location.reload(), { class: 'primary' }),
      ),
    ),
  }
}
