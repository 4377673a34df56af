import { afterEach, expect, test, vi } from 'vitest'
import { loadExchanges, newTrace, sendSpan } from './trace'

afterEach(() => vi.unstubAllGlobals())

test('a traceparent of its own for each call', () => {
  const [one, other] = [newTrace(), newTrace()]
  expect(one.header).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  expect(one.header).toBe(`00-${one.id}-${one.span}-01`)
  expect(other.id).not.toBe(one.id)
})

test('a span in the JSON of OTLP', async () => {
  const fetched = vi.fn((_: string, _init: RequestInit) => Promise.resolve(new Response('{}')))
  vi.stubGlobal('fetch', fetched)
  const trace = newTrace()
  await sendSpan({ trace, name: 'GET /x', start: 1_800_000_000_000.25, milliseconds: 2.5, status: 200 })
  const sent = JSON.parse(String(fetched.mock.calls[0]?.[1].body)) as {
    resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[]
  }
  expect(sent.resourceSpans[0]?.scopeSpans[0]?.spans[0]).toMatchObject({
    traceId: trace.id,
    spanId: trace.span,
    startTimeUnixNano: '1800000000000250000',
    endTimeUnixNano: '1800000000002750000',
  })
})

test('no exchanges where nothing records them', async () => {
  for (const response of [new Response('no', { status: 404 }), new Response('<p>', { headers: { 'Content-Type': 'text/html' } })]) {
    vi.stubGlobal('fetch', () => Promise.resolve(response))
    expect(await loadExchanges()).toBeUndefined()
  }
})

test('no more spans to a server that does not know the path', async () => {
  const fetched = vi.fn(() => Promise.resolve(new Response('', { status: fetched.mock.calls.length === 1 ? 503 : 404 })))
  vi.stubGlobal('fetch', fetched)
  for (let i = 0; i < 4; i++) await sendSpan({ trace: newTrace(), name: 'GET /x', start: 0, milliseconds: 1, status: 200 })
  expect(fetched).toHaveBeenCalledTimes(2)
})
