// How requests are shown. Text becomes text nodes, never markup.

export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : value)
  }
  element.append(...children.filter((child) => child !== undefined))
  return element
}

const masked = '…'

export const isFailed = (x) => x.response.status >= 400 || x.aborted || x.rule?.problem || x.events?.some((one) => one.rejected) || x.spans.some((one) => one.failed)

const pathOf = (x) => {
  const url = x.request.url ?? ''
  return url.replace(/^https?:\/\/[^/]+/, '') || url
}
const statusOf = (x) => (x.response.status ? `${x.response.status}${x.aborted ? ', broken off' : ''}` : x.done ? 'no answer' : 'open')
const time = (milliseconds) => (milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : `${Math.round(milliseconds)} ms`)

export const searchable = (x) => [x.request.method, pathOf(x), statusOf(x), x.party, x.trace, x.rule?.context].join(' ').toLowerCase()

export function rowOf(x, current) {
  const [path] = pathOf(x).split('?')
  const link = el(
    'a',
    { href: `#${x.id}`, 'aria-current': x === current ? 'true' : undefined },
    el('span', { class: isFailed(x) ? 'status bad' : 'status' }, statusOf(x)),
    el('span', { class: 'what' }, `${x.request.method ?? ''} ${path}`),
    el('span', { class: 'meta' }, `${x.party} · ${new Date(x.start).toLocaleTimeString()}${x.done ? ` · ${time(x.milliseconds)}` : ''}`),
  )
  return el('li', { class: current && current !== x && current.flow === x.flow ? 'same' : '' }, link)
}

// The exchange in detail. flow are the exchanges of the same login.
export function detailOf(x, flow, { replay, copy }) {
  const again = el('button', { type: 'button', 'aria-disabled': x.noReplay ? 'true' : undefined }, 'Send again')
  again.addEventListener('click', () => (x.noReplay ? undefined : replay(x)))
  const curl = el('button', { type: 'button' }, 'Copy as curl')
  curl.addEventListener('click', () => copy(x))
  return [
    el('p', { class: 'back' }, el('a', { href: '#' }, 'All requests')),
    el('h2', { tabindex: '-1' }, `${x.request.method ?? ''} ${pathOf(x)} → ${statusOf(x)}`),
    el('p', { class: 'actions' }, again, curl, el('span', { role: 'status' }, '')),
    x.noReplay ? el('p', { class: 'note' }, x.noReplay) : undefined,
    waterfall(x),
    checks(x),
    rule(x),
    events(x, flow),
    message('Request', x.request, token(x)),
    message('Response', x.response),
    el('p', { class: 'note' }, `Trace ${x.trace}`),
  ].filter((one) => one !== undefined)
}

// The parties, each with when it began and how long it took.
function waterfall(x) {
  const own = x.spans.some((one) => one.id === x.span)
    ? []
    : [{ id: x.span, parent: x.parent, service: x.party, name: `${x.request.method} ${pathOf(x).split('?')[0]}`, start: x.start, milliseconds: x.milliseconds }]
  const spans = ordered([...own, ...x.spans])
  const from = Math.min(...spans.map(({ start }) => Date.parse(start)))
  const to = Math.max(...spans.map(({ start, milliseconds }) => Date.parse(start) + milliseconds))
  const whole = Math.max(to - from, 0.001)
  return el(
    'section',
    { class: 'waterfall', 'aria-label': 'Parties' },
    el('h3', {}, 'Parties'),
    el(
      'ol',
      {},
      ...spans.map((one) => {
        const bar = el('span', { class: one.failed ? 'bar bad' : 'bar', 'aria-hidden': 'true' })
        const after = Date.parse(one.start) - from
        bar.style.marginInlineStart = `${(after / whole) * 100}%`
        bar.style.width = `${Math.max((one.milliseconds / whole) * 100, 0.5)}%`
        const facts = Object.entries(one.attributes ?? {})
        return el(
          'li',
          {},
          el('span', { class: 'party' }, one.service),
          el('span', { class: 'what' }, one.name),
          el('span', { class: 'meta' }, `${time(one.milliseconds)}, after ${time(after)}`),
          el('span', { class: 'track' }, bar),
          facts.length > 0
            ? el('details', { 'data-name': one.id }, el('summary', {}, `Attributes of ${one.service} ${one.name}`), pairs(facts))
            : undefined,
        )
      }),
    ),
  )
}

// Spans with children after their parents.
function ordered(spans) {
  const ids = new Set(spans.map(({ id }) => id))
  const out = []
  const add = (parent) => {
    for (const one of spans) {
      if (out.includes(one) || (parent === undefined ? ids.has(one.parent) : one.parent !== parent)) continue
      out.push(one)
      add(one.id)
    }
  }
  add(undefined)
  return [...out, ...spans.filter((one) => !out.includes(one))] // those of a cycle
}

const marks = { passed: '✓', failed: '✗', 'not checked': '–' }

function checks(x) {
  if (!x.checks) return undefined
  return el(
    'section',
    { 'aria-label': 'What the API checked' },
    el('h3', {}, 'What the API checked'),
    el(
      'ol',
      { class: 'checks' },
      ...x.checks.map(({ name, result, reason, doc }) =>
        el(
          'li',
          { class: result.replace(' ', '-') },
          el('span', { class: 'mark', 'aria-hidden': 'true' }, marks[result]),
          el('span', {}, `${name}: ${result}${reason ? ` (${reason})` : ''}`),
          result === 'failed' ? el('span', { class: 'meta' }, ` see ${doc}`) : undefined,
        ),
      ),
    ),
  )
}

function rule({ rule }) {
  if (!rule) return undefined
  return el(
    'section',
    { 'aria-label': 'Proxy rule' },
    el('h3', {}, 'Proxy rule'),
    el('p', {}, el('code', {}, rule.context), ' in ', el('code', {}, rule.place), rule.url ? ' requests ' : ' requests nothing', rule.url ? el('code', {}, rule.url) : ''),
    rule.problem ? el('p', { class: 'bad' }, `The dev server answered itself: ${rule.problem}`) : undefined,
  )
}

function events(x, flow) {
  const all = flow.toReversed().flatMap((other) => (other.events ?? []).map((event) => ({ ...event, of: other })))
  const others = flow.toReversed().filter((other) => other !== x)
  if (all.length + others.length === 0) return undefined
  return el(
    'section',
    { 'aria-label': 'The same login' },
    el('h3', {}, 'The same login'),
    el(
      'ol',
      { class: 'events' },
      ...flow.toReversed().map((other) =>
        el(
          'li',
          {},
          other === x ? 'This request' : el('a', { href: `#${other.id}` }, `${other.request.method} ${pathOf(other).split('?')[0]} → ${statusOf(other)}`),
          ...(other.events ?? []).map((event) => el('span', { class: event.rejected ? 'event bad' : 'event' }, event.text)),
        ),
      ),
    ),
  )
}

// Whose the token of the request is, and its content.
function token({ token }) {
  if (!token) return undefined
  const { sub, aud, scope, exp } = token.claims ?? {}
  const left = typeof exp === 'number' ? `, ${exp * 1000 > Date.now() ? 'expires' : 'expired'} ${new Date(exp * 1000).toLocaleString()}` : ''
  const whose = token.claims ? `of ${sub ?? 'nobody'} for ${[aud].flat().join(' and ') || 'no audience'}, scope ${scope || 'none'}${left}` : 'that is not a JWT'
  return el(
    'div',
    {},
    el('p', {}, `A ${token.scheme} token ${whose}`),
    token.claims ? el('details', { 'data-name': 'token' }, el('summary', {}, 'Header and claims of the token'), pre('Token', { header: token.header, claims: token.claims })) : undefined,
  )
}

function message(name, { headers = [], body, type, size }, extra) {
  return el(
    'section',
    { 'aria-label': name },
    el('h3', {}, name),
    extra,
    headers.length > 0 ? el('details', { 'data-name': name }, el('summary', {}, `${headers.length} header fields of the ${name.toLowerCase()}`), pairs(headers)) : undefined,
    body
      ? pre(`Body of the ${name.toLowerCase()}`, parsed(body))
      : el('p', { class: 'note' }, size > 0 ? `A body of ${size} bytes${type ? ` (${type})` : ''}, which is not kept` : 'No body'),
    body && size > body.length + 1000 ? el('p', { class: 'note' }, `Only the start of ${size} bytes is kept.`) : undefined,
  )
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function pre(name, value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  return el('pre', { tabindex: '0', role: 'region', 'aria-label': name }, el('code', {}, text))
}

function pairs(list) {
  return el('dl', {}, ...list.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]))
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`
const left = ['host', 'connection', 'content-length', 'accept-encoding', 'traceparent', 'dpop', 'authorization', 'cookie']

// The request as a command. What was masked is left out, but for the token.
export function asCurl(x) {
  const parts = ['curl', '-g', quoted(x.request.url)]
  if (x.request.method === 'HEAD') parts.splice(1, 0, '-I')
  else if (x.request.method !== 'GET') parts.splice(1, 0, '-X', quoted(x.request.method))
  for (const [name, value] of x.request.headers ?? []) {
    const lower = name.toLowerCase()
    if (!left.includes(lower) && !lower.startsWith('sec-') && !value.includes(masked)) parts.push('-H', quoted(`${name}: ${value}`))
  }
  if (x.token) parts.push('-H', `"Authorization: ${x.token.scheme} $TOKEN"`)
  if (x.request.body) parts.push('--data-raw', quoted(x.request.body))
  return parts.join(' ')
}

export function copyHint(x) {
  const missing = [x.request.url, x.request.body ?? ''].some((text) => text.includes(masked)) ? ' Masked values are written as ….' : ''
  return (x.token ? 'Set TOKEN first, like TOKEN=$(make -s token).' : '') + missing
}
