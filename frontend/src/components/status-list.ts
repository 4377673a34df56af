// Shows the parts that run here, where, and whether they are up.

import { attempt } from '../attempt'
import type { Config } from '../config'
import { checkApi, checkTenant, type DevStatus, type Health, loadStatus } from '../dev/status'
import { el } from '../dom'

// Time until the next check, in ms: shorter while something is down.
const whenUp = 20_000
const whenDown = 4_000

const order = ['api', 'tenant', 'rules'] as const
type Key = (typeof order)[number]

export class StatusList {
  readonly element = el('ul', { class: 'status' })
  private readonly rows = new Map<Key, { item: HTMLLIElement; up: boolean }>()
  private status: DevStatus | undefined // the last one of the dev server
  private timer: ReturnType<typeof setTimeout> | undefined
  private stopped = false

  constructor(private readonly loadConfig: () => Promise<Config>) {}

  // Checks now and repeatedly, while the page is visible.
  async start(): Promise<void> {
    if (!document.hidden) await this.look()
    if (this.stopped) return
    const up = [...this.rows.values()].every((row) => row.up)
    this.timer = setTimeout(() => attempt(this.start()), up ? whenUp : whenDown)
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
  }

  // Each part is shown as soon as it is known, so that one that hangs delays no other.
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
    if (before?.isEqualNode(item)) return // the focus stays where it is
    this.rows.set(key, { item, up })
    if (before) {
      before.replaceWith(item)
      return
    }
    const next = order
      .slice(order.indexOf(key) + 1)
      .map((other) => this.rows.get(other)?.item)
      .find(Boolean)
    this.element.insertBefore(item, next ?? null)
  }
}

const gone: Health = { up: false, state: 'are unknown', hint: 'The dev server does not answer. Is it running? make dev starts it.' }

function rulesHealth({ rules }: DevStatus): Health {
  return rules.length > 0
    ? { up: true, state: `${rules.length}` }
    : { up: false, state: 'none', hint: 'Nothing is forwarded to the API. Add a rule to proxy.conf.json.' }
}

function rules({ rules }: DevStatus): Node {
  return el(
    'span',
    {},
    'Requests with these paths are forwarded: ',
    el('br'),
    ...rules.flatMap(({ context, targets, place }, i) => [
      ...(i > 0 ? [el('br')] : []),
      el('code', { title: place }, `${context} → ${targets.join(', ')}`),
    ]),
  )
}
