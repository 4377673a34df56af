// What works together here, where, and whether it is up.

import type { Config } from '../config'
import { checkApi, checkTenant, loadStatus, type DevStatus, type Health } from '../dev/status'
import { el } from '../dom'

// How long until the next look, in ms: soon while somebody waits for something to
// come up.
const whenUp = 20_000
const whenDown = 4_000

const order = ['api', 'tenant', 'rules'] as const
type Key = (typeof order)[number]

export class StatusList {
  readonly element = el('ul', { class: 'status' })
  private readonly rows = new Map<Key, { item: HTMLLIElement; up: boolean }>()
  private status: DevStatus | undefined // the last that the dev server told
  private timer: ReturnType<typeof setTimeout> | undefined
  private stopped = false

  constructor(private readonly loadConfig: () => Promise<Config>) {}

  // Looks now and again and again, as long as somebody sees the page.
  async start(): Promise<void> {
    if (!document.hidden) await this.look()
    if (this.stopped) return
    const up = [...this.rows.values()].every((row) => row.up)
    this.timer = setTimeout(() => void this.start(), up ? whenUp : whenDown)
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
  }

  // Each is shown as soon as it is known, so that what hangs holds nothing up.
  private async look(): Promise<void> {
    const now = await loadStatus().catch(() => undefined)
    this.status = now ?? this.status
    const external = this.status?.external
    await Promise.all([
      checkApi().then((health) => this.put('api', 'API', health, el('code', {}, external ? new URL(external).origin : 'behind /api'))),
      this.lookAtTenant(),
    ])
    if (this.status) this.put('rules', 'Proxy rules', now ? rulesHealth(now) : gone, rules(this.status))
  }

  private async lookAtTenant(): Promise<void> {
    const local = this.status?.tenant.local ? this.status.tenant.url : undefined
    const name = local ? 'Local tenant' : 'Tenant'
    try {
      const config = await this.loadConfig()
      this.put('tenant', name, await checkTenant(config), local ? el('a', { href: local }, config.domain) : el('code', {}, config.domain))
    } catch (error) {
      this.put('tenant', name, { up: false, hint: error instanceof Error ? error.message : String(error) }, 'unknown')
    }
  }

  private put(key: Key, name: string, { up, hint, state = up ? 'answers' : 'is down' }: Health, where: Node | string): void {
    const item = el(
      'li',
      { class: up ? 'up' : 'down' },
      el('strong', {}, name),
      ' ',
      el('span', { class: 'state' }, state),
      el('br'),
      where,
      ...(up || !hint ? [] : [el('p', { class: 'detail' }, hint)]),
    )
    const before = this.rows.get(key)?.item
    if (before?.isEqualNode(item)) return // a focused link in it stays focused
    this.rows.set(key, { item, up })
    if (before) {
      before.replaceWith(item)
      return
    }
    const next = order.slice(order.indexOf(key) + 1).map((other) => this.rows.get(other)?.item).find(Boolean)
    this.element.insertBefore(item, next ?? null)
  }
}

const gone: Health = { up: false, state: 'are gone', hint: 'The dev server does not answer. Is it running? make dev starts it.' }

function rulesHealth({ rules }: DevStatus): Health {
  return rules.length > 0 ? { up: true, state: `${rules.length}` } : { up: false, state: 'none', hint: 'So nothing reaches the API. Add one to proxy.conf.json.' }
}

function rules({ rules }: DevStatus): Node {
  return el('span', {}, ...rules.flatMap(({ context, targets, place }, i) => [
    ...(i > 0 ? [el('br')] : []),
    el('code', { title: place }, `${context} → ${targets.join(', ')}`),
  ]))
}
