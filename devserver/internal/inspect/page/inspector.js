// The inspector: follows /@dev/traces.json and shows the requests, and one of them in detail. The
// address's fragment is the trace that is shown.

import { asCurl, copyHint, detailOf, isFailed, rowOf, searchable } from './view.js'

const byId = (id) => document.getElementById(id)
const list = document.querySelector('#list ol')
const detail = byId('detail')
const form = byId('filter')

let exchanges = [] // the newest first
let skipped = 0
let shown // JSON of the exchange in detail
let focusDetail = false // when it is shown next

async function follow() {
  let version = ''
  for (;;) {
    try {
      const response = await fetch(`/@dev/traces.json?wait=${version}`)
      if (!response.ok) throw new Error(await response.text())
      const now = await response.json()
      version = now.version
      skipped = now.skipped
      exchanges = now.exchanges.reverse()
      render()
    } catch (error) {
      byId('state').textContent = `No connection to the dev server: ${error.message}`
      version = ''
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
}

function visible() {
  const text = form.elements.text.value.trim().toLowerCase()
  return exchanges.filter((x) => (!form.elements.failed.checked || isFailed(x)) && searchable(x).includes(text))
}

// Links of this page name a request; those of others name its trace.
function selected() {
  const wanted = location.hash.slice(1)
  return exchanges.find((x) => x.id === wanted) ?? exchanges.find((x) => x.trace === wanted)
}

function render() {
  const now = visible()
  const failed = exchanges.filter(isFailed).length
  byId('state').textContent =
    `${exchanges.length} requests, ${failed} failed` + (skipped ? `; ${skipped} more came too fast to be recorded` : '')
  byId('empty').hidden = exchanges.length > 0
  const rows = new Map([...list.children].map((row) => [row.dataset.id, row]))
  const current = selected()
  list.replaceChildren(
    ...now.map((x) => {
      const row = rows.get(x.id)
      const made = row?.dataset.state === stateOf(x, current) ? row : rowOf(x, current)
      made.dataset.id = x.id
      made.dataset.state = stateOf(x, current)
      return made
    }),
  )
  show(current)
}

// What a row depends on, so that one that has the focus stays.
const stateOf = (x, current) => `${x.done} ${x.response.status} ${x === current} ${current?.flow === x.flow}`

function show(x) {
  document.body.classList.toggle('open', location.hash.length > 1)
  if (location.hash.length > 1 && !x) {
    shown = undefined
    detail.textContent = 'This request is not kept any more, or not yet: the last 200 are.'
    return
  }
  const flow = exchanges.filter((other) => x && other.flow === x.flow)
  const state = JSON.stringify([x, flow.map(({ id, done, events }) => [id, done, events])])
  if (state === shown) return
  shown = state
  const open = new Set([...detail.querySelectorAll('details[open]')].map((one) => one.dataset.name))
  detail.replaceChildren(...(x ? detailOf(x, flow, { replay, copy }) : []))
  for (const one of detail.querySelectorAll('details')) if (open.has(one.dataset.name)) one.open = true
  if (focusDetail) detail.querySelector('h2')?.focus()
  focusDetail = false
}

async function replay(x) {
  const response = await fetch(`/@dev/replay?id=${x.id}`, { method: 'POST' })
  if (response.ok) location.hash = (await response.json()).trace
  else say(await response.text())
}

async function copy(x) {
  try {
    await navigator.clipboard.writeText(asCurl(x))
    say(`Copied. ${copyHint(x)}`)
  } catch {
    say('The browser does not allow copying here.')
  }
}

function say(text) {
  const message = detail.querySelector('[role=status]')
  if (message) message.textContent = text
}

function move(step) {
  const now = visible()
  const at = now.indexOf(selected())
  const next = now[at < 0 ? 0 : Math.min(now.length - 1, Math.max(0, at + step))]
  if (next) location.hash = next.id
}

const keys = {
  j: () => move(1),
  ArrowDown: () => move(1),
  k: () => move(-1),
  ArrowUp: () => move(-1),
  f: () => form.elements.failed.click(),
  '/': () => form.elements.text.focus(),
  r: () => selected() && !selected().noReplay && replay(selected()),
  c: () => selected() && copy(selected()),
  Escape: () => {
    location.hash = ''
  },
}

addEventListener('keydown', (event) => {
  const typing = event.target.matches?.('input[type=search]')
  if (event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== 'Escape') || !Object.hasOwn(keys, event.key)) return
  if (event.key.startsWith('Arrow') && event.target.closest('pre')) return // it scrolls
  event.preventDefault()
  if (typing) event.target.blur()
  keys[event.key]()
})
addEventListener('hashchange', () => {
  focusDetail = true
  render()
  list.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' })
})
form.addEventListener('input', render)
form.addEventListener('submit', (event) => event.preventDefault())
byId('clear').addEventListener('click', () => fetch('/@dev/clear', { method: 'POST' }))
follow()
