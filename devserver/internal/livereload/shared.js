// Holds one connection to the dev server for all open pages of the browser, because
// browsers allow six to one server over HTTP/1.1.

const pages = new Set()
let last // message; undefined while there is no connection, because it may be outdated

let stream
function connect() {
  stream = new EventSource('/@dev/events')
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
  page.addEventListener('message', ({ data: version }) => {
    if (version === undefined) {
      pages.delete(page) // it is being left
    } else if (last !== undefined && JSON.parse(last).version.split('-')[0] !== version.split('-')[0]) {
      last = undefined // the page is of another dev server, so this connection may be dead
      stream.close()
      connect()
    } else if (last !== undefined) {
      page.postMessage(last)
    }
  })
  page.start()
})

connect()
