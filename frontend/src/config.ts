// The settings of this page. The dev server provides them, so that one line in .env
// changes the API, the dev server and this page.

export interface Config {
  domain: string // of the tenant
  clientId: string // of this app at that tenant
  audience: string // identifier of the API
  dpop?: boolean // tokens are bound to a key of this browser (RFC 9449)
}

let loading: Promise<Config> | undefined

// Resolves to the configuration, which is requested once.
export function loadConfig(): Promise<Config> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined // so that the next call tries again
    throw error
  })
  return loading
}

async function load(): Promise<Config> {
  const response = await fetch('/auth_config.json')
  if (!response.ok) throw new Error(`/auth_config.json answered ${response.status}`)
  return (await response.json()) as Config
}
