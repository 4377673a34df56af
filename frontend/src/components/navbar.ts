// The bar at the top. Its links depend on whether a user is signed in; until that is
// known, it has neither login nor logout.

import { attempt } from '../attempt'
import type { AuthService } from '../auth/auth-service'
import { button, el } from '../dom'
import type { Profile } from '../session'

export class Navbar {
  private path = ''
  private shown: unknown[] = [] // what the rendered bar depends on

  constructor(
    private readonly root: HTMLElement,
    private readonly auth: AuthService,
  ) {}

  start(): void {
    this.auth.session.follow(() => this.render())
    document.addEventListener('click', (event) => this.closeMenu(event.target))
    document.addEventListener('focusin', (event) => this.closeMenu(event.target))
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.closeMenu(null)
    })
  }

  // Marks the link to path as the current one.
  mark(path: string): void {
    this.path = path
    this.render()
  }

  private render(): void {
    const authenticated = this.auth.isAuthenticated
    const { name, email, picture } = this.auth.profile ?? {}
    const now = [this.path, authenticated, name, email, picture]
    if (now.every((value, i) => value === this.shown[i])) return // the focus stays where it is
    this.shown = now
    const focused = this.root.contains(document.activeElement) ? document.activeElement?.textContent : undefined
    const links = [this.link('/', 'Home')]
    if (authenticated) links.push(this.link('/external-api', 'External API'))
    const nav = el('nav', { 'aria-label': 'Main' }, el('ul', {}, ...links.map((link) => el('li', {}, link))))
    if (authenticated) nav.append(this.menu(this.auth.profile ?? {}))
    if (authenticated === false) {
      nav.append(button('Log in', () => this.login(), { id: 'qsLoginBtn' }))
    }
    this.root.replaceChildren(nav)
    if (focused === undefined) return
    const same = [...nav.querySelectorAll<HTMLElement>('a, button, summary')].find((one) => one.textContent === focused)
    same?.focus()
  }

  // Logs in, and comes back to this page.
  private login(): void {
    attempt(this.auth.login(this.path === '/callback' ? '/' : location.pathname + location.search + location.hash))
  }

  private menu(profile: Profile): HTMLElement {
    const name = profile.name ?? profile.email ?? 'Account'
    const summary = el('summary', { id: 'profileDropDown' })
    if (profile.picture) {
      summary.append(el('img', { src: profile.picture, alt: '', width: '32', height: '32', referrerpolicy: 'no-referrer' }))
    }
    summary.append(el('span', {}, name))
    return el(
      'details',
      { class: 'menu' },
      summary,
      el(
        'ul',
        {},
        el('li', {}, this.link('/profile', 'Profile')),
        el(
          'li',
          {},
          button('Log out', () => attempt(this.auth.logout()), { id: 'qsLogoutBtn' }),
        ),
      ),
    )
  }

  private link(path: string, text: string): HTMLAnchorElement {
    return el('a', { href: path, 'aria-current': path === this.path ? 'page' : undefined }, text)
  }

  // Closes the menu, unless target is in it.
  private closeMenu(target: EventTarget | null): void {
    const menu = this.root.querySelector('details')
    if (!menu?.open || (target instanceof Node && menu.contains(target))) return
    menu.open = false
    if (target === null) menu.querySelector('summary')?.focus()
  }
}
