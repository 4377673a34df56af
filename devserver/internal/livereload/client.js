// Keeps this page up to date with the dev server: reloads it when there is a newer
// version, or only its stylesheets if nothing else has changed, and shows problems over
// it as long as there are any.

const own = new URL(import.meta.url).searchParams
const [instance, build] = own.get('version').split('-')
let styles = Number(own.get('styles'))
let pending // state that a hidden page has not applied yet

function receive(data) {
  pending = JSON.parse(data)
  if (!document.hidden) apply()
}

function apply() {
  if (!pending) return
  const state = pending
  pending = undefined
  const [currentInstance, currentBuild] = state.version.split('-')
  if (currentInstance === instance && Number(currentBuild) < Number(build)) return // sent before this page was loaded
  if (state.version !== own.get('version')) {
    location.reload()
    return
  }
  if (state.styles !== styles) {
    styles = state.styles
    restyle()
  }
  show(state.problems.map((text, i) => ({ text, hint: state.hints[i] })))
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) apply()
})

// All pages share a worker's connection. Where there are no such workers, each visible
// page has its own.
function connect() {
  if (typeof SharedWorker !== 'function') {
    connectAlone()
    return
  }
  const worker = new SharedWorker('/@dev/shared.js', { name: 'dev server' })
  worker.addEventListener('error', connectAlone)
  worker.port.addEventListener('message', (message) => receive(message.data))
  worker.port.start()
  worker.port.postMessage(own.get('version'))
  addEventListener('pagehide', () => worker.port.postMessage(undefined), { once: true })
}

let stream
function connectAlone() {
  stream?.close()
  if (document.hidden) {
    document.addEventListener('visibilitychange', connectAlone, { once: true })
    return
  }
  stream = new EventSource('/@dev/events')
  stream.addEventListener('message', (message) => receive(message.data))
  stream.addEventListener('error', () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(connectAlone, 2000) // the server rejected it, so the browser does not retry
  })
  addEventListener('pagehide', () => stream.close(), { once: true })
}

connect()
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
  shown = problems.map((problem) => problem.text).join('\n')
  if (shown !== dismissed) dismissed = ''
  if (problems.length === 0 || shown === dismissed) return
  overlay = document.createElement('dev-server-problems')
  overlay.setAttribute('role', 'alert')
  const shadow = overlay.attachShadow({ mode: 'open' })
  const styles = new CSSStyleSheet()
  styles.replaceSync(`
    :host { position: fixed; inset: 0; z-index: 2147483647; overflow: auto; padding: 2rem; background: #10121b; color: #f4f4f8; font: 15px/1.5 system-ui, sans-serif }
    h1 { margin: 0 0 1rem; font-size: 1.1rem; color: #ff9d96 }
    pre { margin: 0 0 .5rem; font: 14px/1.5 ui-monospace, monospace; white-space: pre-wrap; tab-size: 4 }
    p { margin: 0 0 1.5rem; color: #c3c5d4 }
    button { padding: .4rem .9rem; border: 1px solid currentcolor; border-radius: 6px; background: none; color: inherit; font: inherit; cursor: pointer }`)
  shadow.adoptedStyleSheets = [styles]
  const add = (name, text) => {
    const element = document.createElement(name)
    element.textContent = text
    shadow.append(element)
    return element
  }
  add('h1', problems.length === 1 ? 'The dev server found a problem' : `The dev server found ${problems.length} problems`)
  problems.forEach(({ text, hint }, i) => {
    add('pre', text)
    if (hint !== problems[i + 1]?.hint) add('p', hint) // once for those that share it
  })
  add('button', 'Dismiss').addEventListener('click', dismiss)
  document.documentElement.append(overlay)
}
