import { beforeEach, describe, expect, test, vi } from 'vitest'
import { onFailure } from './attempt'
import { el } from './dom'
import { type Page, type Route, Router } from './router'

const page = (title: string, more: Partial<Page> = {}): Page => ({ title, content: el('h1', {}, title), ...more })
const settled = () => new Promise((resolve) => setTimeout(resolve))

let outlet: HTMLElement
let shown: string[]

function start(path: string, routes: Record<string, Route>): Router {
  history.replaceState(null, '', path)
  outlet = el('main')
  shown = []
  document.body.replaceChildren(outlet)
  const router = new Router(outlet, routes, { render: () => page('Not found') }, (now) => shown.push(now))
  router.start()
  return router
}

declare global {
  interface Window {
    happyDOM: { settings: { navigation: { disableMainFrameNavigation: boolean; disableFallbackToSetURL: boolean } } }
  }
}

beforeEach(() => {
  vi.restoreAllMocks()
  Object.assign(window.happyDOM.settings.navigation, { disableMainFrameNavigation: true, disableFallbackToSetURL: true }) // only the router goes anywhere
})

describe('what is shown', () => {
  const routes = { '/': { render: () => page('Home') }, '/a': { render: () => page('A') } }
  test.each([
    ['/', 'Home', '/'],
    ['/a', 'A', '/a'],
    ['/a?x=1#y', 'A', '/a'],
    ['/a/', 'A', '/a'],
    ['/a///', 'A', '/a'],
    ['/b', 'Not found', '/b'],
    ['/toString', 'Not found', '/toString'],
    ['/A', 'Not found', '/A'],
  ])('%s', async (path, title, pathname) => {
    start(path, routes)
    await settled()
    expect(outlet.textContent).toBe(title)
    expect(document.title).toBe(`${title} · Calling an API`)
    expect(location.pathname).toBe(pathname)
    expect(shown).toEqual([pathname])
  })
})

test('removing a trailing slash keeps the rest of the address', async () => {
  start('/a/?x=1#y', { '/a': { render: () => page('A') } })
  await settled()
  expect(location.pathname + location.search + location.hash).toBe('/a?x=1#y')
})

describe('guards', () => {
  test('the page is empty until the guard has answered', async () => {
    let answer: (allowed: boolean) => void = () => undefined
    const guard = vi.fn(() => new Promise<boolean>((resolve) => (answer = resolve)))
    const router = start('/a?x=1', { '/a': { render: () => page('A'), guard } })
    expect(guard).toHaveBeenCalledWith('/a?x=1', expect.any(Function))
    expect(router.isGuarded()).toBe(true)
    expect(outlet.querySelector('h1')).toBeNull()
    expect(outlet.querySelector('[role=status]')).not.toBeNull()
    answer(true)
    await settled()
    expect(outlet.textContent).toBe('A')
  })

  test('a page that the guard rejects is never created', async () => {
    const render = vi.fn(() => page('A'))
    start('/a', { '/a': { render, guard: () => Promise.resolve(false) } })
    await settled()
    expect(render).not.toHaveBeenCalled()
    expect(shown).toEqual([])
  })

  test('a later navigation is not replaced by the guarded page', async () => {
    let answer: (allowed: boolean) => void = () => undefined
    const router = start('/a', {
      '/a': { render: () => page('A'), guard: () => new Promise<boolean>((resolve) => (answer = resolve)) },
      '/b': { render: () => page('B') },
    })
    router.navigate('/b')
    await settled()
    answer(true)
    await settled()
    expect(outlet.textContent).toBe('B')
  })
})

test('a guard that fails late does not affect another page', async () => {
  let fail: (error: Error) => void = () => undefined
  const failed = vi.fn()
  onFailure(failed)
  const guard = () => new Promise<boolean>((_, reject) => (fail = reject))
  const router = start('/a', { '/': { render: () => page('Home') }, '/a': { render: () => page('A'), guard } })
  router.navigate('/')
  await settled()
  fail(new Error('late'))
  await settled()
  expect(failed).not.toHaveBeenCalled()
  router.navigate('/a')
  fail(new Error('now'))
  await settled()
  expect(failed).toHaveBeenCalledOnce()
})

describe('navigation', () => {
  const routes = { '/': { render: () => page('Home') }, '/a': { render: () => page('A') } }

  test('moves the focus to the heading, and leaves the page before', async () => {
    const leave = vi.fn()
    const router = start('/', { ...routes, '/': { render: () => page('Home', { leave }) } })
    await settled()
    expect(leave).not.toHaveBeenCalled()
    router.navigate('/a')
    await settled()
    expect(leave).toHaveBeenCalledOnce()
    expect(document.activeElement?.textContent).toBe('A')
  })

  test('to the current page makes no history entry', async () => {
    const router = start('/a?x=1', routes)
    await settled()
    const push = vi.spyOn(history, 'pushState')
    router.navigate('/a?x=1')
    expect(push).not.toHaveBeenCalled()
  })

  test('within a page does not render it again', async () => {
    start('/a', routes)
    await settled()
    const heading = outlet.querySelector('h1')
    history.replaceState(null, '', '/a#there')
    dispatchEvent(new PopStateEvent('popstate'))
    await settled()
    expect(outlet.querySelector('h1')).toBe(heading)
  })

  test('a replacement page wins over one that is still loading', async () => {
    let answer: (allowed: boolean) => void = () => undefined
    const guard = () => new Promise<boolean>((resolve) => (answer = resolve))
    const router = start('/a', { '/a': { render: () => page('A'), guard } })
    router.put(page('Put'))
    answer(true)
    await settled()
    expect(outlet.textContent).toBe('Put')
    expect(document.activeElement?.textContent).toBe('Put')
  })

  test('never to another origin', () => {
    const push = vi.spyOn(history, 'pushState')
    start('/', routes).navigate('//evil.test/x')
    expect(push).toHaveBeenCalledWith(null, '', `${location.origin}/evil.test/x`)
  })

  test.each([
    ['a link of the app', '/a', {}, {}, true],
    ['a link that the app does not know', '/elsewhere', {}, {}, false],
    ['a link to another origin', 'https://evil.test/a', {}, {}, false],
    ['a link for a new tab', '/a', { target: '_blank' }, {}, false],
    ['a download', '/a', { download: true }, {}, false],
    ['a click that asks for a new tab', '/a', {}, { ctrlKey: true }, false],
    ['a click of another button', '/a', {}, { button: 1 }, false],
  ])('%s', async (_, href, attributes, event, followed) => {
    start('/', routes)
    await settled()
    const link = el('a', { href, ...attributes }, el('span', {}, 'link'))
    document.body.append(link)
    let prevented: boolean | undefined
    const last = (click: Event) => {
      prevented = click.defaultPrevented
      click.preventDefault() // the browser's own doing is not what is tested
    }
    addEventListener('click', last, { once: true })
    link.firstElementChild?.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, ...event }))
    await settled()
    expect(prevented).toBe(followed)
  })
})

test('a page whose script arrives late is not shown over another', async () => {
  let arrive: (page: Page) => void = () => undefined
  const leave = vi.fn()
  const outlet = document.createElement('main')
  const slow: Route = { render: () => new Promise<Page>((resolve) => (arrive = resolve)) }
  const fast: Route = { render: () => ({ title: 'Fast', content: document.createTextNode('fast') }) }
  history.replaceState(null, '', '/slow')
  const router = new Router(outlet, { '/slow': slow, '/fast': fast }, fast, () => undefined)
  router.start()
  router.navigate('/fast')
  await vi.waitFor(() => expect(outlet.textContent).toBe('fast'))
  arrive({ title: 'Slow', content: document.createTextNode('slow'), leave })
  await vi.waitFor(() => expect(leave).toHaveBeenCalledOnce())
  expect(outlet.textContent).toBe('fast')
})
