// What this page works with. The dev server tells it, so that one setting in .env
// reaches the API, the dev server and this page alike.

export interface Config {
  domain: string // of the tenant
  clientId: string // of this app at that tenant
  audience: string // identifier of the API
}

let loading: Promise<Config> | undefined

// Resolves to the configuration, which is asked for once.
export function loadConfig(): Promise<Config> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined // so that the next call can try again
    throw error
  })
  return loading
}

async function load(): Promise<Config> {
  const response = await fetch('/auth_config.json')
  if (!response.ok) throw new Error(`/auth_config.json answered ${response.status}`)
  return (await response.json()) as Config
}
