// What works together here and whether it is up, for the home page. The dev server
// tells the former; other servers of this page don't, and then nothing is known.

import type { Config } from '../config'

export interface DevStatus {
  tenant: { url: string; local: boolean }
  rules: { context: string; targets: string[]; place: string }[]
}

export interface Health {
  up: boolean
  hint?: string // what to do if not
}

export async function loadStatus(): Promise<DevStatus | undefined> {
  const response = await fetch('/@dev/status.json', { headers: { Accept: 'application/json' } })
  return response.ok ? ((await response.json()) as DevStatus) : undefined
}

// Where the first rule that passes path on passes it to.
export function targetFor(path: string, status: DevStatus | undefined): string | undefined {
  return status?.rules.find(({ context }) => context.split(/,\s*/).some((one) => path.startsWith(one)))?.targets[0]
}

// Whether the API answers, by its path that anybody may call.
export async function checkApi(): Promise<Health> {
  try {
    const response = await fetch('/api/public', { headers: { Accept: 'application/json' } })
    const body = (await response.json().catch(() => undefined)) as { next?: string } | undefined
    if (response.ok && body !== undefined) return { up: true }
    if (body === undefined) return { up: false, hint: 'Something else answers /api: no rule in proxy.conf.json passes it on to the API.' }
    return { up: false, hint: body.next ?? `It answers ${response.status}.` }
  } catch {
    return { up: false, hint: 'The dev server does not answer. Is it running? make dev starts it.' }
  }
}

// Whether the tenant answers.
export async function checkTenant({ domain }: Config): Promise<Health> {
  const url = domain.includes('://') ? domain : `https://${domain}`
  try {
    const response = await fetch(`${url}/.well-known/openid-configuration`)
    return response.ok ? { up: true } : { up: false, hint: `It answers ${response.status}. Is AUTH0_DOMAIN a tenant’s?` }
  } catch {
    return { up: false, hint: 'It does not answer. The local one runs inside the dev server; is another one’s AUTH0_DOMAIN right?' }
  }
}
