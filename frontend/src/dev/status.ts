// What works together here and whether it is up, for the home page. The dev server
// tells the former; other servers of this page don't, and then nothing is known.

import type { Config } from '../config'

export interface DevStatus {
  tenant: { url: string; local: boolean }
  rules: { context: string; targets: string[]; place: string }[]
  external?: string // URL of /api/external at the API, if a rule passes it on
}

export interface Health {
  up: boolean
  state?: string // in words, if "is down" does not say it
  hint?: string // what to do if not
}

const patience = 4000 // ms, for an answer

const ask = (url: string) => fetch(url, { headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(patience) })

export async function loadStatus(): Promise<DevStatus | undefined> {
  const response = await ask('/@dev/status.json')
  return response.ok ? ((await response.json()) as DevStatus) : undefined
}

// Whether the API answers, by its path that anybody may call.
export async function checkApi(): Promise<Health> {
  try {
    const response = await ask('/api/public')
    const body = (await response.json().catch(() => undefined)) as { next?: string } | undefined
    if (response.ok && body !== undefined) return { up: true }
    if (body === undefined) return { up: false, state: 'is not reached', hint: 'Something else answers /api: no rule in proxy.conf.json passes it on to the API.' }
    return { up: false, hint: body.next ?? `It answers ${response.status}.` }
  } catch (error) {
    return { up: false, ...(isTimeout(error) && { state: 'does not answer' }), hint: isTimeout(error) ? 'It takes requests and does not answer. Is it stopped in a debugger?' : 'The dev server does not answer. Is it running? make dev starts it.' }
  }
}

// Whether the tenant answers.
export async function checkTenant({ domain }: Config): Promise<Health> {
  const url = domain.includes('://') ? domain : `https://${domain}`
  try {
    const response = await ask(`${url}/.well-known/openid-configuration`)
    return response.ok ? { up: true } : { up: false, hint: `It answers ${response.status}. Is AUTH0_DOMAIN a tenant’s?` }
  } catch {
    return { up: false, hint: 'It does not answer. The local one runs inside the dev server. If it is another, is AUTH0_DOMAIN right?' }
  }
}

const isTimeout = (error: unknown) => error instanceof DOMException && error.name === 'TimeoutError'
