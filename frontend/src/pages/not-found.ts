// Shown for paths without a route.

import { el } from '../dom'
import type { Page } from '../router'

export function notFound(): Page {
  return {
    title: 'Not found',
    content: el(
      'section',
      {},
      el('h1', {}, 'Page not found'),
      el('p', { class: 'lead' }, 'There is nothing at ', el('code', {}, location.pathname), '.'),
      el('p', { class: 'actions' }, el('a', { href: '/', class: 'primary' }, 'Go home')),
    ),
  }
}
