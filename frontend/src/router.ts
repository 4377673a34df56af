// Shows the page that belongs to the URL, and follows links without loading again.

import { el } from './dom'

export interface Page {
  title: string
  content: Node
  leave?: () => void // when another page takes its place
}

export interface Route {
  render: () => Page
  guard?: (path: string) => Promise<boolean> // whether the page may be shown; if not, it has seen to the rest
}

export class Router {
  private turn = 0
  private page: Page | undefined

  constructor(
    private readonly outlet: HTMLElement,
    private readonly routes: Record<string, Route>,
    private readonly notFound: Route,
    private readonly shown: (path: string) => void, // told after each page
  ) {}

  start(): void {
    addEventListener('popstate', () => void this.show(true))
    document.addEventListener('click', (event) => this.follow(event))
    void this.show(false)
  }

  // Goes to path, which may have a query. It never leaves this origin: a path that
  // begins with // would name another. replace leaves no trace in the history.
  navigate(path: string, { replace = false } = {}): void {
    const url = location.origin + path.replace(/^\/*/, '/')
    if (replace) history.replaceState(null, '', url)
    else history.pushState(null, '', url)
    void this.show(true)
  }

  // Whether the page at the URL is for people who are logged in.
  get isGuarded(): boolean {
    return this.route()?.guard !== undefined
  }

  // Shows the page that belongs to the URL, made anew.
  again(): void {
    void this.show(true)
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
    const bare = location.pathname.replace(/(.)\/+$/, '$1')
    if (!Object.hasOwn(this.routes, bare)) return undefined
    if (bare !== location.pathname) history.replaceState(history.state, '', bare + location.search + location.hash)
    return this.routes[bare]
  }

  private async show(moveFocus: boolean): Promise<void> {
    const turn = ++this.turn
    const route = this.route() ?? this.notFound
    const path = location.pathname
    if (route.guard && !this.outlet.hasChildNodes()) this.outlet.append(waiting())
    const allowed = (await route.guard?.(path + location.search)) ?? true
    if (!allowed || turn !== this.turn) return // the person has gone elsewhere meanwhile
    this.put(route.render())
    this.shown(path)
    if (moveFocus) this.focusHeading()
  }

  // Shows page in place of the one that belongs to the URL.
  put(page: Page): void {
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

// What a page that is guarded shows first. Its style hides it for a moment, as the
// answer mostly is there by then.
function waiting(): HTMLElement {
  return el('p', { class: 'waiting', role: 'status' }, 'Finding out whether you are logged in…')
}
