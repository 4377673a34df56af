// Shows how a step is done: lines of this page's sources, from the running dev server.

import { el, preformatted } from '../dom'

export interface Place {
  file: string // in the frontend's folder, proxy.conf.json, or one of the API's that the dev server knows
  name?: string // of a function; without one, the whole file
}

// An element that loads the lines when it is opened. It is empty where the dev server does not run.
export function howItIsDone(place: Place): HTMLElement {
  const content = el('div')
  const element = el('details', { class: 'how' }, el('summary', {}, 'How is this done?'), content)
  element.addEventListener('toggle', () => {
    if (element.open) void load(place, content)
  })
  return element
}

async function load({ file, name }: Place, content: HTMLElement): Promise<void> {
  const response = await fetch(`/@dev/source?file=${encodeURIComponent(file)}`).catch(() => undefined)
  const path = response?.headers.get('X-Source-Path') ?? null
  if (!response?.ok || path === null) {
    content.replaceChildren(el('p', {}, 'Only the dev server shows sources, and only on its own machine: start the page with make dev.'))
    return
  }
  const { text, line } = excerpt(await response.text(), name)
  const label = line === undefined ? path : `${path}:${line}`
  content.replaceChildren(el('p', {}, el('code', {}, label)), preformatted(`Source ${label}`, text))
}

// Returns the function called name with the comments before it, and its line; all of source if it
// has none. A function ends at the first line that is indented as it is and closes a block.
export function excerpt(source: string, name?: string): { text: string; line?: number } {
  const lines = source.split(/\r?\n/)
  const declaration = new RegExp(`^( *)(?:export |private |protected |static |async |function |func (?:\\([^)]*\\) )?)*${name}\\(.*\\{$`)
  const at = name === undefined ? -1 : lines.findIndex((line) => declaration.test(line))
  if (at < 0) return { text: source }
  const indent = /^ */.exec(lines[at] ?? '')?.[0] ?? ''
  let first = at
  while (lines[first - 1]?.startsWith(`${indent}//`)) first--
  const length = lines.slice(at + 1).findIndex((line) => line.startsWith(`${indent}}`))
  const shown = length < 0 ? lines.slice(first) : lines.slice(first, at + length + 2)
  return { text: shown.map((line) => line.slice(indent.length)).join('\n'), line: first + 1 }
}
