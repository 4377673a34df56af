// For promises that nobody waits for: what goes wrong in them is not lost.

let failed: (error: unknown) => void = () => undefined

// Has report told of what goes wrong in attempts.
export function onFailure(report: (error: unknown) => void): void {
  failed = report
}

export function attempt(promise: Promise<unknown>): void {
  promise.catch((error: unknown) => failed(error))
}
