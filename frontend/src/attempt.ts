// Handles failures of promises that no caller awaits.

let report: (error: unknown) => void = () => undefined

// Sets the function that shows failures of attempts.
export function onFailure(show: (error: unknown) => void): void {
  report = show
}

// For a promise whose failure the user must see.
export function attempt(promise: Promise<unknown>): void {
  promise.catch((error: unknown) => report(error))
}

// For a promise whose failure is shown elsewhere, or does not matter. Resolves when it
// has settled.
export function quietly(promise: Promise<unknown>): Promise<void> {
  return promise.then(
    () => undefined,
    () => undefined,
  )
}
