// The parts that run here and whether they are up, for the home page. Only the dev server has this file; other servers of this page do not.

import type { Config } from '../config'

export interface DevStatus {
  tenant: { url: string; local: boolean }
  rules: { context: string; targets: string[]; place: string }[]
  external?: string // URL that /api/external is forwarded to, if a rule matches it
}

export interface Health {
  up: boolean
  state?: string // in words, instead of "is down"
  hint?: string // what to do if not
}

const timeout = 4000 // ms

const ask = (url: string) => fetch(url, { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(timeout) })

export async function loadStatus(): Promise<DevStatus | undefined> {
  const response = await ask('/@dev/status.json')
  return response.ok ? ((await response.json()) as DevStatus) : undefined
}

// Whether the API answers, by its public path.
export async function checkApi(): Promise<Health> {
  try {
    const response = await ask('/api/public')
    const body = (await response.json().catch(() => undefined)) as { next?: string } | undefined
    if (response.ok && body !== undefined) return { up: true }
    if (body === undefined)
      return { up: false, state: 'is not reached', hint: 'Another server answers /api: no rule in proxy.conf.json forwards it to the API.' }
    return { up: false, hint: body.next ?? `It answers ${response.status}.` }
  } catch (error) {
    return {
      up: false,
      ...(isTimeout(error) && { state: 'does not answer' }),
      hint: isTimeout(error)
        ? 'It accepts requests and does not answer. Is it stopped in a debugger?'
        : 'The dev server does not answer. Is it running? make dev starts it.',
    }
  }
}

// Whether the tenant answers.
export async function checkTenant({ domain }: Config): Promise<Health> {
  const url = domain.includes('://') ? domain : `https://${domain}`
  try {
    const response = await ask(`${url}/.well-known/openid-configuration`)
    return response.ok ? { up: true } : { up: false, hint: `It answers ${response.status}. Is AUTH0_DOMAIN the domain of a tenant?` }
  } catch {
    return { up: false, hint: 'It does not answer. The local tenant runs inside the dev server; for a real one, is AUTH0_DOMAIN right?' }
  }
}

const isTimeout = (error: unknown) => error instanceof DOMException && error.name === 'TimeoutError'
