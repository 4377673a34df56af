// Shows the page that belongs to the URL, and follows links without loading again.

import { attempt } from './attempt'
import { el } from './dom'

export interface Page {
  title: string
  content: Node
  leave?: () => void // when another page takes its place
}

export interface Route {
  render: () => Page
  // Whether the page may be shown; if not, it has seen to the rest, as long as the
  // person has not gone elsewhere.
  guard?: (path: string, isCurrent: () => boolean) => Promise<boolean>
}

export class Router {
  private turn = 0
  private url = '' // path and query of what is shown
  private page: Page | undefined

  constructor(
    private readonly outlet: HTMLElement,
    private readonly routes: Record<string, Route>,
    private readonly notFound: Route,
    private readonly shown: (path: string) => void, // told after each page
  ) {}

  start(): void {
    addEventListener('popstate', () => {
      if (location.pathname + location.search !== this.url) attempt(this.show(true)) // else the browser has scrolled
    })
    document.addEventListener('click', (event) => this.follow(event))
    attempt(this.show(false))
  }

  // Goes to path, which may have a query. It never leaves this origin: a path that
  // begins with // would name another. replace leaves no trace in the history.
  navigate(path: string, { replace = false } = {}): void {
    const url = location.origin + path.replace(/^\/*/, '/')
    if (replace || url === location.href) history.replaceState(null, '', url)
    else history.pushState(null, '', url)
    attempt(this.show(true))
  }

  // Whether the page at the URL is for people who are logged in.
  isGuarded(): boolean {
    return this.routes[bare(location.pathname)]?.guard !== undefined
  }

  // Shows the page that belongs to the URL, made anew.
  again(): void {
    attempt(this.show(true))
  }

  // A click on a link to a page of this app, unless it asks for a new tab. All
  // other links are the browser's.
  private follow(event: MouseEvent): void {
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (!link || event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    if (link.origin !== location.origin || link.target !== '' || link.hasAttribute('download')) return
    if (!Object.hasOwn(this.routes, link.pathname)) return
    event.preventDefault()
    this.navigate(link.pathname + link.search + link.hash)
  }

  // The route of the URL. A slash at its end makes no difference, and goes.
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
    if (!isCurrent()) return // the person has gone elsewhere meanwhile
    this.place(route.render())
    this.shown(path)
    if (moveFocus) this.focusHeading()
  }

  // Shows page in place of the one that belongs to the URL.
  put(page: Page): void {
    this.turn++ // what is on its way comes too late
    this.place(page)
    this.focusHeading()
  }

  private place(page: Page): void {
    this.page?.leave?.()
    this.page = page
    document.title = page.title + ' · Calling an API'
    this.outlet.replaceChildren(page.content)
  }

  private focusHeading(): void {
    scrollTo(0, 0)
    const heading = this.outlet.querySelector('h1')
    heading?.setAttribute('tabindex', '-1')
    heading?.focus()
  }
}

// The path without slashes at its end.
function bare(path: string): string {
  return path.replace(/(.)\/+$/, '$1')
}

// What a page that is guarded shows first. Its style hides it for a moment, as the
// answer mostly is there by then.
function waiting(): HTMLElement {
  return el('p', { class: 'waiting', role: 'status' }, 'Finding out whether you are logged in…')
}
