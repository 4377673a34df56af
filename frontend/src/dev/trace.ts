// Traces of calls (W3C Trace Context): the dev server and the API continue the one that a call
// begins, so that the inspector shows what each did. Nothing in a trace is secret.

import { el } from '../dom'

export interface Trace {
  id: string
  span: string // ID of this page's part
  header: string // traceparent
}

// What this page did in a trace.
export interface Span {
  trace: Trace
  name: string
  start: number // ms since 1970, with fractions
  milliseconds: number
  status: number // of the answer; 0 if there is none
}

export function newTrace(): Trace {
  const id = randomHex(16)
  const span = randomHex(8)
  return { id, span, header: `00-${id}-${span}-01` }
}

function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

let isRecorded = true // until a server of this page does not take a span

// Tells the dev server of a span (OTLP/HTTP, JSON). Other servers of this page do not know the
// path, and are told of no other span.
export async function sendSpan({ trace, name, start, milliseconds, status }: Span): Promise<void> {
  if (!isRecorded) return
  const nanoseconds = (ms: number) => `${Math.round(ms * 1000)}000`
  const span = {
    traceId: trace.id,
    spanId: trace.span,
    name,
    kind: 3, // client
    startTimeUnixNano: nanoseconds(start),
    endTimeUnixNano: nanoseconds(start + milliseconds),
    attributes: [{ key: 'http.response.status_code', value: { intValue: String(status) } }],
    status: { code: status === 0 || status >= 500 ? 2 : 0 },
  }
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'page' } }] }
  const { status: taken } = await fetch('/@dev/otlp/v1/traces', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] }),
  })
  isRecorded = taken !== 404 && taken !== 405
}

// The part of an exchange in /@dev/traces.json that this page uses.
export interface Exchange {
  flow: string
  trace: string
  party: string // 'dev server' or 'tenant', which record their requests, or another service
  start: string
  milliseconds: number
  done: boolean
  request: { method?: string; url?: string }
  response: { status?: number }
  spans: { service: string; kind?: string; start: string; milliseconds: number }[]
}

export interface Recorded {
  version: number
  exchanges: Exchange[] // the newest last
}

// Resolves to what the dev server has recorded, when that is another version than the one known;
// to nothing where there is no recorder.
export async function loadExchanges(known?: number, signal?: AbortSignal): Promise<Recorded | undefined> {
  const response = await fetch(`/@dev/traces.json${known === undefined ? '' : `?wait=${known}`}`, signal ? { signal } : {})
  if (!response.ok || !response.headers.get('Content-Type')?.startsWith('application/json')) return undefined
  return (await response.json()) as Recorded
}

// A link to a trace in the inspector, in a tab of its own, so that this page keeps what it shows.
export const toInspector = (trace: string, text: string): HTMLElement => el('a', { href: `/@dev/#${trace}`, target: 'inspector' }, text)
