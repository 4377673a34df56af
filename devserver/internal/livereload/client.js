// Keeps this page up to date with the dev server: reloads it when there is a newer
// version, or only its stylesheets if nothing else has changed, and shows problems over
// it as long as there are any.

const own = new URL(import.meta.url).searchParams
const version = own.get('version')
let styles = Number(own.get('styles'))
let stream

// Only a visible page holds a connection, because browsers allow six to one server over
// HTTP/1.1, and users have more tabs.
function connect() {
  stream?.close()
  if (document.hidden) return
  stream = new EventSource('/@dev/events')
  stream.addEventListener('message', (message) => {
    const state = JSON.parse(message.data)
    if (state.version !== version) {
      stream.close()
      location.reload()
      return
    }
    if (state.styles !== styles) {
      styles = state.styles
      restyle()
    }
    show(state.problems)
  })
  stream.addEventListener('error', () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 2000) // the server rejected it, so the browser does not retry
  })
}

connect()
document.addEventListener('visibilitychange', connect)
addEventListener('pagehide', () => stream?.close())
addEventListener('pageshow', (event) => {
  if (event.persisted) connect()
})

// Adds a new link after each old one, and removes the old one when the new one has loaded,
// so that the page always has styles. New links that are still loading are replaced too.
let loading = []
function restyle() {
  for (const link of loading) link.remove()
  loading = []
  for (const link of document.querySelectorAll('link[rel="stylesheet"]')) {
    const url = new URL(link.href)
    if (url.origin !== location.origin) continue
    url.searchParams.set('styles', styles)
    const newer = link.cloneNode()
    newer.href = url
    newer.addEventListener('load', () => {
      link.remove()
      loading = loading.filter((other) => other !== newer)
    })
    newer.addEventListener('error', () => newer.remove())
    loading.push(newer)
    link.after(newer)
  }
}

let overlay
let shown = ''
let dismissed = ''

function dismiss() {
  dismissed = shown
  overlay?.remove()
}

addEventListener('keydown', (event) => {
  if (event.key === 'Escape') dismiss()
})

function show(problems) {
  overlay?.remove()
  overlay = undefined
  shown = problems.join('\n')
  if (shown !== dismissed) dismissed = ''
  if (shown === dismissed) return // none, or dismissed by the user
  overlay = document.createElement('dev-server-problems')
  overlay.setAttribute('role', 'alert')
  const shadow = overlay.attachShadow({ mode: 'open' })
  const styles = new CSSStyleSheet()
  styles.replaceSync(`
    :host { position: fixed; inset: 0; z-index: 2147483647; overflow: auto; padding: 2rem; background: #10121b; color: #f4f4f8; font: 15px/1.5 system-ui, sans-serif }
    h1 { margin: 0 0 1rem; font-size: 1.1rem; color: #ff9d96 }
    pre { margin: 0 0 1rem; font: 14px/1.5 ui-monospace, monospace; white-space: pre-wrap; tab-size: 4 }
    button { padding: .4rem .9rem; border: 1px solid currentcolor; border-radius: 6px; background: none; color: inherit; font: inherit; cursor: pointer }`)
  shadow.adoptedStyleSheets = [styles]
  const heading = document.createElement('h1')
  heading.textContent = 'The dev server found a problem'
  shadow.append(heading)
  for (const problem of problems) {
    const text = document.createElement('pre')
    text.textContent = problem
    shadow.append(text)
  }
  const hint = document.createElement('p')
  hint.textContent = problems.every((problem) => /\(TS\d+\)/.test(problem))
    ? 'The page is running this code; fix the type to be sure that it is right.'
    : 'The last successful build keeps running until this is fixed.'
  shadow.append(hint)
  const close = document.createElement('button')
  close.textContent = 'Dismiss'
  close.addEventListener('click', dismiss)
  shadow.append(close)
  document.documentElement.append(overlay)
}
