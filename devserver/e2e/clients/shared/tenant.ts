// What the pages here have in common: which tenant they log in at, and the API
// that they call.

export interface Tenant {
  domain: string
  clientId: string
  audience: string
}

export async function loadTenant(): Promise<Tenant> {
  return (await fetch('/auth_config.json')).json() as Promise<Tenant>
}

export async function callApi(token: string | undefined): Promise<string> {
  const response = await fetch('/api/external', { headers: { Authorization: `Bearer ${token}` } })
  return `${response.status} ${await response.text()}`
}
