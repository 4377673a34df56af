// What works together here, where, and whether it is up.

import type { Config } from '../config'
import { checkApi, checkTenant, loadStatus, targetFor, type DevStatus, type Health } from '../dev/status'
import { el } from '../dom'

const interval = 4000 // ms

export class StatusList {
  readonly element = el('ul', { class: 'status' })
  private timer: ReturnType<typeof setTimeout> | undefined
  private stopped = false

  constructor(private readonly loadConfig: () => Promise<Config>) {}

  // Looks now and again and again, as long as somebody sees the page.
  async start(): Promise<void> {
    if (!document.hidden) await this.look()
    if (!this.stopped) this.timer = setTimeout(() => void this.start(), interval)
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
  }

  private async look(): Promise<void> {
    const [config, status] = await Promise.all([
      this.loadConfig().catch(() => undefined),
      loadStatus().catch(() => undefined),
    ])
    const down: Health = { up: false, hint: 'The dev server does not answer. Is it running? make dev starts it.' }
    const [api, tenant] = await Promise.all([config ? checkApi() : down, config ? checkTenant(config) : down])
    const items = [
      item('API', targetFor('/api', status) ?? 'behind /api', api),
      item(status?.tenant.local ? 'Local tenant' : 'Tenant', config?.domain ?? 'unknown', tenant, status?.tenant.local ? status.tenant.url : undefined),
    ]
    if (status) items.push(rules(status))
    const same = items.length === this.element.children.length && items.every((one, i) => one.isEqualNode(this.element.children.item(i)))
    if (!same) this.element.replaceChildren(...items) // else a screen reader would say it all again
  }
}

function item(name: string, where: string, { up, hint }: Health, link?: string): HTMLLIElement {
  return el(
    'li',
    { class: up ? 'up' : 'down' },
    el('strong', {}, name),
    ' ',
    el('span', { class: 'state' }, up ? 'answers' : 'is down'),
    el('br'),
    link ? el('a', { href: link }, where) : el('code', {}, where),
    ...(up || !hint ? [] : [el('p', { class: 'detail' }, hint)]),
  )
}

function rules({ rules }: DevStatus): HTMLLIElement {
  const lines = rules.map(({ context, targets }) => el('code', {}, `${context} → ${targets.join(', ')}`))
  return el(
    'li',
    { class: rules.length > 0 ? 'up' : 'down' },
    el('strong', {}, 'Proxy rules'),
    ' ',
    el('span', { class: 'state' }, rules.length === 1 ? 'one' : String(rules.length)),
    ...lines.flatMap((line) => [el('br'), line]),
    ...(rules.length > 0 ? [] : [el('p', { class: 'detail' }, 'None, so nothing reaches the API. Add one to proxy.conf.json.')]),
  )
}
