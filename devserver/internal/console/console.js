// Sends what goes wrong on this page to the dev server, which shows it in the terminal.
// This script comes first and is no module, which would run later, so that it hears of
// all that follows.
;(() => {
  const all = new URL(document.currentScript.src).searchParams.get('show') === 'all'
  let left = 100 // messages of this page; a loop must not occupy the dev server

  function send(level, text, stack = '') {
    if (left-- <= 0) return
    const body = JSON.stringify({ level, text: text.slice(0, 4000), stack: String(stack).slice(0, 8000) })
    fetch('/@dev/console', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body, keepalive: true }).catch(() => {}) // the dev server is gone
  }

  function describe(value) {
    if (value instanceof Error) return `${value.name}: ${value.message}`
    if (typeof value !== 'object' || value === null) return String(value)
    try {
      return JSON.stringify(value) ?? String(value)
    } catch {
      return String(value) // it contains itself
    }
  }

  // Puts the values of %s and its like where they belong, as the console does.
  function format([first, ...rest]) {
    if (typeof first !== 'string') return [first, ...rest].map(describe).join(' ')
    const text = first.replace(/%[sdifoOc]/g, (verb) => (rest.length === 0 ? verb : verb === '%c' ? (rest.shift(), '') : describe(rest.shift())))
    return [text, ...rest.map(describe)].join(' ')
  }

  addEventListener('error', (event) => {
    if (event instanceof ErrorEvent) {
      const at = event.error?.stack ?? `at ${event.filename}:${event.lineno}:${event.colno}`
      send('error', event.message, at)
    } else if (event.target.src || event.target.href) {
      send('error', `cannot load ${event.target.src || event.target.href}`)
    }
  }, true)

  addEventListener('unhandledrejection', ({ reason }) => send('error', `Uncaught (in promise) ${describe(reason)}`, reason?.stack))

  document.addEventListener('securitypolicyviolation', (event) => {
    const what = event.blockedURI === 'inline' ? 'something inline' : event.blockedURI || 'something'
    const at = event.sourceFile ? `at ${event.sourceFile}:${event.lineNumber}:${event.columnNumber}` : ''
    send('error', `the Content-Security-Policy (${event.effectiveDirective}) blocks ${what}; DEV_CSP=false or --csp=false turns the policy off`, at)
  })

  for (const level of all ? ['error', 'warn', 'info', 'log', 'debug'] : ['error']) {
    const original = console[level]
    console[level] = (...values) => {
      original.apply(console, values)
      const error = values.find((value) => value instanceof Error)
      send(level, format(values), error?.stack ?? new Error().stack?.replace(/^Error.*\n.*console\.js.*\n/, ''))
    }
  }
})()
