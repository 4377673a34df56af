import type { ApiAnswer, ApiService } from '../api/api-service'
import { button, el, json } from '../dom'
import type { Page } from '../router'

export function externalApi(api: ApiService): Page {
  const result = el('div', { 'aria-live': 'polite' })
  const ping = button('Ping API', () => void call(), { class: 'primary' })

  async function call(): Promise<void> {
    if (ping.ariaBusy === 'true') return
    ping.ariaBusy = 'true' // not disabled: that would take the keyboard's focus away
    result.replaceChildren(el('p', {}, 'Waiting for the API…'))
    try {
      const answer = await api.ping()
      const good = answer.status === 200 && answer.isJson
      result.replaceChildren(el('p', { class: good ? 'good' : 'bad' }, summary(answer)), json(answer.body))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      result.replaceChildren(el('p', { class: 'bad' }, `The API could not be called: ${reason}`))
    } finally {
      ping.ariaBusy = 'false'
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

// Who answered, and how it went.
function summary({ status, isJson }: ApiAnswer): string {
  if (status === 502 || status === 504) return `No answer from the API: the dev server says ${status}`
  if (!isJson) return `Not the API answered, but something else: ${status}. Does a rule in proxy.conf.json cover /api?`
  if (status === 200) return 'The API answered 200'
  return status < 500 ? `The API refused: ${status}` : `The API can not answer now: ${status}`
}
