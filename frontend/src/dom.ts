// Creates elements. Text becomes text nodes, never markup, so nothing from a server or
// a URL can become an element.

type Attributes = Record<string, string | boolean | undefined>

export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue
    element.setAttribute(key, value === true ? '' : value)
  }
  element.append(...children)
  return element
}

export function button(text: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const element = el('button', { type: 'button', ...attributes }, text)
  element.addEventListener('click', onClick)
  return element
}

// The value as indented JSON. It can have the focus, so that the keyboard can scroll it, and so it
// needs a name.
export function json(name: string, value: unknown): HTMLPreElement {
  return preformatted(name, JSON.stringify(value, null, 2))
}

export function preformatted(name: string, text: string): HTMLPreElement {
  return el('pre', { tabindex: '0', role: 'region', 'aria-label': name }, el('code', {}, text))
}
