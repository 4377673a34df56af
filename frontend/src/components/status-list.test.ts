import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { StatusList } from './status-list'

const config = { domain: 'http://localhost:4400', clientId: 'spa', audience: 'http://api' }
const status = {
  tenant: { url: 'http://localhost:4400', local: true },
  rules: [{ context: '/api', targets: ['http://localhost:3001'], place: 'proxy.conf.json:2' }],
  external: 'http://localhost:3001/api/external',
}
const json = (body: unknown, init?: ResponseInit) => Promise.resolve(new Response(JSON.stringify(body), init))
const refused = () => Promise.reject(new TypeError('Failed to fetch'))

// What answers, by the end of the URL.
let answers: Record<string, () => Promise<Response>>
let list: StatusList
beforeEach(() => {
  vi.useFakeTimers()
  answers = { 'status.json': () => json(status), '/api/public': () => json({ msg: 'yes' }), 'openid-configuration': () => json({}) }
  vi.stubGlobal('fetch', (url: string) => answers[Object.keys(answers).find((end) => url.endsWith(end)) ?? '']?.() ?? refused())
  list = new StatusList(() => Promise.resolve(config))
})
afterEach(() => {
  list.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const rows = () => [...list.element.children].map((row) => `${row.className}: ${row.textContent}`)
const next = () => vi.advanceTimersByTimeAsync(21_000)

test('everything is up', async () => {
  await list.start()
  expect(rows()).toEqual([
    'up: API answershttp://localhost:3001',
    'up: Local tenant answershttp://localhost:4400',
    'up: Proxy rules 1Requests with these paths are forwarded: /api → http://localhost:3001',
  ])
})

test.each([
  ['the API', { '/api/public': () => json({ next: 'Start it.' }, { status: 502 }) }, 'down: API is down', 'Start it.'],
  [
    'a rule for it',
    { '/api/public': () => Promise.resolve(new Response('<!doctype html>')) },
    'down: API is not reached',
    'proxy.conf.json',
  ],
  ['the tenant', { 'openid-configuration': refused }, 'down: Local tenant is down', 'AUTH0_DOMAIN'],
  ['a tenant', { 'openid-configuration': () => json({}, { status: 404 }) }, 'down: Local tenant is down', 'answers 404'],
  [
    'all rules',
    { 'status.json': () => json({ ...status, rules: [], external: undefined }) },
    'down: Proxy rules none',
    'Nothing is forwarded to the API',
  ],
  [
    'an API that hangs',
    { '/api/public': () => Promise.reject(new DOMException('late', 'TimeoutError')) },
    'down: API does not answer',
    'debugger',
  ],
])('%s is missing', async (_, missing, row, hint) => {
  Object.assign(answers, missing)
  await list.start()
  const down = rows().filter((one) => one.startsWith('down'))
  expect(down).toHaveLength(1)
  expect(down[0]).toContain(row)
  expect(down[0]).toContain(hint)
})

test('the dev server stops and starts again', async () => {
  await list.start()
  const all = answers
  answers = {}
  await next()
  expect(rows().map((row) => row.split('http')[0])).toEqual([
    'down: API is down',
    'down: Local tenant is down',
    'down: Proxy rules are unknownRequests with these paths are forwarded: /api → ',
  ])
  answers = all
  await next()
  expect(rows().every((row) => row.startsWith('up'))).toBe(true)
  expect(rows()).toHaveLength(3)
})

test('one that hangs does not delay the others', async () => {
  answers['/api/public'] = () => new Promise(() => undefined)
  void list.start()
  await vi.advanceTimersByTimeAsync(0)
  expect(rows()).toContain('up: Local tenant answershttp://localhost:4400')
})

test('a page that is served without the dev server', async () => {
  answers['status.json'] = () => json('', { status: 404 })
  await list.start()
  expect(rows()).toEqual(['up: API answersbehind /api', 'up: Tenant answershttp://localhost:4400'])
})

test('the checks end with the page', async () => {
  await list.start()
  list.stop()
  expect(vi.getTimerCount()).toBe(0)
})
