// Shows the page of the URL, and follows links without a reload.

import { attempt } from './attempt'
import { el } from './dom'

export interface Page {
  title: string
  content: Node
  leave?: () => void // called when another page replaces it
}

export interface Route {
  render: () => Page | Promise<Page> // a promise while the page's script is loaded
  // Resolves to whether the page may be shown. If not, the guard has started what leads
  // to it, unless isCurrent says that the user has gone to another page.
  guard?: (path: string, isCurrent: () => boolean) => Promise<boolean>
}

export class Router {
  private turn = 0
  private url = '' // path and query of the page shown
  private page: Page | undefined

  constructor(
    private readonly outlet: HTMLElement,
    private readonly routes: Record<string, Route>,
    private readonly notFound: Route,
    private readonly shown: (path: string) => void, // called after each page
  ) {}

  start(): void {
    addEventListener('popstate', () => {
      if (location.pathname + location.search !== this.url) attempt(this.show(true)) // otherwise the browser has only scrolled
    })
    document.addEventListener('click', (event) => this.follow(event))
    attempt(this.show(false))
  }

  // Goes to path, which may have a query. It never leaves this origin, which a path that
  // starts with // would. replace replaces the current entry of the history.
  navigate(path: string, { replace = false } = {}): void {
    const url = location.origin + path.replace(/^\/*/, '/')
    if (replace || url === location.href) history.replaceState(null, '', url)
    else history.pushState(null, '', url)
    attempt(this.show(true))
  }

  // Whether the page of the URL requires a signed-in user.
  isGuarded(): boolean {
    return this.routes[bare(location.pathname)]?.guard !== undefined
  }

  // Renders the page of the URL again.
  again(): void {
    attempt(this.show(true))
  }

  // Follows a click on a link to a page of this app, unless it opens a new tab. The
  // browser handles all other links.
  private follow(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (!link || event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    if (link.origin !== location.origin || link.target !== '' || link.hasAttribute('download')) return
    if (!Object.hasOwn(this.routes, link.pathname)) return
    event.preventDefault()
    this.navigate(link.pathname + link.search + link.hash)
  }

  // The route of the URL. Trailing slashes are ignored and removed.
  private route(): Route | undefined {
    const path = bare(location.pathname)
    if (!Object.hasOwn(this.routes, path)) return undefined
    if (path !== location.pathname) history.replaceState(history.state, '', path + location.search + location.hash)
    return this.routes[path]
  }

  private async show(moveFocus: boolean): Promise<void> {
    const turn = ++this.turn
    const route = this.route() ?? this.notFound
    const path = location.pathname
    this.url = path + location.search
    if (route.guard && !this.outlet.hasChildNodes()) this.outlet.append(waiting())
    const isCurrent = () => turn === this.turn
    try {
      if (route.guard && !(await route.guard(path + location.search + location.hash, isCurrent))) return
    } catch (error) {
      if (isCurrent()) throw error
    }
    if (!isCurrent()) return // the user has gone to another page
    const rendered = route.render()
    const page = rendered instanceof Promise ? await rendered.catch((error: unknown) => this.late(isCurrent, error)) : rendered
    if (!page) return
    if (!isCurrent()) {
      page.leave?.()
      return
    }
    this.place(page)
    this.shown(path)
    if (moveFocus) this.focusHeading()
  }

  // The failure of a page that the user has left does not matter.
  private late(isCurrent: () => boolean, error: unknown): undefined {
    if (isCurrent()) throw error
  }

  // Shows page instead of the page of the URL.
  put(page: Page): void {
    this.turn++ // a page that is loading is not shown any more
    this.place(page)
    this.focusHeading()
  }

  private place(page: Page): void {
    this.page?.leave?.()
    this.page = page
    document.title = `${page.title} · Calling an API`
    this.outlet.replaceChildren(page.content)
  }

  private focusHeading(): void {
    scrollTo(0, 0)
    const heading = this.outlet.querySelector('h1')
    heading?.setAttribute('tabindex', '-1')
    heading?.focus()
  }
}

// The path without trailing slashes.
function bare(path: string): string {
  return path.replace(/(.)\/+$/, '$1')
}

// Shown while a guard decides. Its style hides it for a moment, because the guard is
// usually faster.
function waiting(): HTMLElement {
  return el('p', { class: 'waiting', role: 'status' }, 'Checking whether you are logged in…')
}
