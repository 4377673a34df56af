import type { ApiService } from '../api/api-service'
import { button, el, json } from '../dom'
import type { Page } from '../router'

export function externalApi(api: ApiService): Page {
  const result = el('div', { 'aria-live': 'polite' })
  const ping = button('Ping API', () => void call(), { class: 'primary' })

  async function call(): Promise<void> {
    ping.disabled = true
    result.replaceChildren(el('p', {}, 'Waiting for the API…'))
    try {
      const { ok, status, body } = await api.ping()
      result.replaceChildren(
        el('p', { class: ok ? 'good' : 'bad' }, ok ? `The API answered ${status}` : `The API refused: ${status}`),
        json(body),
      )
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      result.replaceChildren(el('p', { class: 'bad' }, `The API could not be called: ${reason}`))
    } finally {
      ping.disabled = false
    }
  }

  return {
    title: 'External API',
    content: el(
      'section',
      {},
      el('h1', {}, 'External API'),
      el(
        'p',
        { class: 'lead' },
        'Calls ',
        el('code', {}, 'GET /api/external'),
        ' with your access token. The dev server passes the request on, and the API checks the token.',
      ),
      ping,
      result,
    ),
  }
}
