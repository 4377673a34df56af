// Values that this tab keeps across pages of the tenant. A browser can forbid it, or be full: the
// page works without, as far as it can.

// Returns the value of name, or undefined.
export function recall(name: string): string | undefined {
  try {
    return sessionStorage.getItem(name) ?? undefined
  } catch {
    return undefined
  }
}

// Keeps value under name; undefined removes it.
export function keep(name: string, value: string | undefined): void {
  try {
    if (value === undefined) sessionStorage.removeItem(name)
    else sessionStorage.setItem(name, value)
  } catch {
    // it is only for this tab's convenience
  }
}
