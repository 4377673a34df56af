// Calls the API. Paths are on this origin: the dev server forwards /api to the API.

import { newTrace, type Span } from '../dev/trace'

export interface ApiAnswer {
  path: string
  status: number
  statusText: string
  began: number // when the request was sent, in ms since 1970
  milliseconds: number
  isJson: boolean // if not, another server has probably answered
  body: unknown // JSON, or text
  challenged: boolean // the answer has a challenge for tokens (RFC 6750 §3, RFC 9449 §7.1)
  scope?: string // scope of the challenge
  proof?: string // the DPoP proof that was sent last (RFC 9449 §4.2)
  sent?: { scheme: 'Bearer' | 'DPoP'; token: string } // undefined if there was no token
  isPublic: boolean // the path needs no token
  trace: string // ID of the trace that the call has begun
}

// No access token is available; cause says why.
export class TokenError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

// There is no complete answer: no server answered, it broke off, or it took too long.
export class NetworkError extends Error {
  constructor(
    readonly kind: 'none' | 'broken off' | 'too slow',
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

export interface CallOptions {
  isPublic?: boolean // send no token
  fresh?: boolean // send a fresh one
  scope?: string // that the token should grant
  signal?: AbortSignal // ends the call
  token?: string | null // to send instead of the session's, as a bearer token; null for none
}

// What a Send has got, and the DPoP proof that it has sent, if any.
export interface Sent {
  response: Response
  proof?: string
}

// Sends a request with an access token.
export type Send = (path: string, init: RequestInit, token: string) => Promise<Sent>

export const sendBearer: Send = async (path, init, token) => {
  const headers = new Headers(init.headers)
  headers.set('Authorization', `Bearer ${token}`)
  return { response: await fetch(path, { ...init, headers }) }
}

const sendPublic = async (path: string, init: RequestInit): Promise<Sent> => ({ response: await fetch(path, init) })

const timeout = 20_000 // ms, for the complete answer

export class ApiService {
  constructor(
    private readonly getToken: (options: { fresh: boolean; scope: string }) => Promise<string>,
    private readonly send: Send = sendBearer,
    private readonly report: (span: Span) => void = () => undefined,
  ) {}

  // Calls GET /api/external with an access token, as call does.
  ping(options: CallOptions = {}): Promise<ApiAnswer> {
    return this.call('/api/external', options)
  }

  // Calls GET path, with an access token unless it is public. Rejects with a TokenError or
  // a NetworkError if there is no answer.
  async call(path: string, { isPublic = false, fresh = false, scope = '', signal, token: own }: CallOptions = {}): Promise<ApiAnswer> {
    const trace = newTrace()
    const headers = new Headers({ Accept: 'application/json', traceparent: trace.header })
    const token = own !== undefined ? (own ?? undefined) : isPublic ? undefined : await this.tokenFor(fresh, scope)
    const began = Date.now() // not performance.timeOrigin, which is wrong after the machine has slept
    const start = performance.now()
    const late = AbortSignal.timeout(timeout)
    const report = (status: number) =>
      this.report({ trace, name: `GET ${path}`, start: began, milliseconds: performance.now() - start, status })
    const fail = (kind: NetworkError['kind']) => (error: unknown) => {
      report(0)
      throw new NetworkError(late.aborted ? 'too slow' : kind, error)
    }
    const init = { headers, signal: signal ? AbortSignal.any([signal, late]) : late }
    const send = own === undefined ? this.send : sendBearer
    const { response, proof } = await (token === undefined ? sendPublic(path, init) : send(path, init, token)).catch(fail('none'))
    const text = await response.text().catch(fail('broken off'))
    report(response.status)
    return {
      path,
      status: response.status,
      statusText: response.statusText,
      began,
      milliseconds: performance.now() - start,
      ...parse(text),
      ...challengeOf(response),
      ...(proof && { proof }),
      ...(token !== undefined && { sent: { scheme: proof ? 'DPoP' : 'Bearer', token } }),
      isPublic,
      trace: trace.id,
    }
  }

  private tokenFor(fresh: boolean, scope: string): Promise<string> {
    return this.getToken({ fresh, scope }).catch((error: unknown) => {
      throw new TokenError(error)
    })
  }
}

function parse(text: string): { isJson: boolean; body: unknown } {
  try {
    return { isJson: true, body: JSON.parse(text) as unknown }
  } catch {
    return { isJson: false, body: text }
  }
}

function challengeOf(response: Response): { challenged: boolean; scope?: string } {
  const challenge = response.headers.get('WWW-Authenticate') ?? ''
  const scope = /\bscope="([^"]*)"/.exec(challenge)?.[1]
  return { challenged: /^(bearer|dpop)\b/i.test(challenge), ...(scope && { scope }) }
}
