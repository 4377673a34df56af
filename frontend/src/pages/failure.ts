// Replaces a page after a failure that no page handles.

import { button, el } from '../dom'
import type { Page } from '../router'

export function failure(error: unknown): Page {
  return {
    title: 'Something went wrong',
    content: el(
      'section',
      {},
      el('h1', {}, 'Something went wrong'),
      el('p', { role: 'alert' }, 'This page does not work now. Is the dev server running? Its terminal may say more.'),
      el('p', { class: 'detail' }, el('code', {}, error instanceof Error ? error.message : String(error))),
      el(
        'p',
        { class: 'actions' },
        button('Load again', () => location.reload(), { class: 'primary' }),
      ),
    ),
  }
}
