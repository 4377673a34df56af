// What works together here, where, and whether it is up.

import type { Config } from '../config'
import { checkApi, checkTenant, loadStatus, type DevStatus, type Health } from '../dev/status'
import { el } from '../dom'

// How long until the next look, in ms: soon while somebody waits for something to
// come up.
const whenUp = 20_000
const whenDown = 4_000

export class StatusList {
  readonly element = el('ul', { class: 'status' })
  private readonly items = new Map<string, { item: HTMLLIElement; up: boolean }>()
  private timer: ReturnType<typeof setTimeout> | undefined
  private stopped = false

  constructor(private readonly loadConfig: () => Promise<Config>) {}

  // Looks now and again and again, as long as somebody sees the page.
  async start(): Promise<void> {
    if (!document.hidden) await this.look()
    if (this.stopped) return
    const up = [...this.items.values()].every((one) => one.up)
    this.timer = setTimeout(() => void this.start(), up ? whenUp : whenDown)
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
  }

  // Each is shown as soon as it is known, so that what hangs holds nothing up.
  private async look(): Promise<void> {
    const status = await loadStatus().catch(() => undefined)
    const apiAt = status?.external ? new URL(status.external).origin : 'behind /api'
    await Promise.all([
      checkApi().then((health) => this.put('API', health, el('code', {}, apiAt))),
      this.lookAtTenant(status),
    ])
    if (status) this.put('Proxy rules', rulesHealth(status), rules(status))
  }

  private async lookAtTenant(status: DevStatus | undefined): Promise<void> {
    const name = status?.tenant.local ? 'Local tenant' : 'Tenant'
    try {
      const config = await this.loadConfig()
      const where = status?.tenant.local ? el('a', { href: status.tenant.url }, config.domain) : el('code', {}, config.domain)
      this.put(name, await checkTenant(config), where)
    } catch (error) {
      this.put(name, { up: false, hint: error instanceof Error ? error.message : String(error) }, 'unknown')
    }
  }

  private put(name: string, { up, hint, state = up ? 'answers' : 'is down' }: Health, where: Node | string): void {
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
    const before = this.items.get(name)?.item
    if (before?.isEqualNode(item)) return // a focused link in it stays focused
    this.items.set(name, { item, up })
    if (before) before.replaceWith(item)
    else this.element.append(item)
  }
}

function rulesHealth({ rules }: DevStatus): Health {
  return rules.length > 0 ? { up: true, state: `${rules.length}` } : { up: false, state: 'none', hint: 'So nothing reaches the API. Add one to proxy.conf.json.' }
}

function rules({ rules }: DevStatus): Node {
  return el('span', {}, ...rules.flatMap(({ context, targets, place }, i) => [
    ...(i > 0 ? [el('br')] : []),
    el('code', { title: place }, `${context} → ${targets.join(', ')}`),
  ]))
}
