// Holds one connection to the dev server for all open pages of the browser, because
// browsers allow six to one server over HTTP/1.1.

const pages = new Set()
let last // message; undefined while there is no connection, because it may be outdated

function connect() {
  const stream = new EventSource('/@dev/events')
  stream.addEventListener('message', (message) => {
    last = message.data
    for (const page of pages) page.postMessage(last)
  })
  stream.addEventListener('error', () => {
    last = undefined
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 2000) // the server rejected it, so the browser does not retry
  })
}

self.addEventListener('connect', (event) => {
  const [page] = event.ports
  pages.add(page)
  page.addEventListener('message', () => pages.delete(page)) // it is being left
  page.start()
  if (last !== undefined) page.postMessage(last)
})

connect()
