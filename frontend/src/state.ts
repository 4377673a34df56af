// A value that parts of the page follow as it changes.

export class State<T> {
  private readonly followers = new Set<(value: T) => void>()

  constructor(private current: T) {}

  get value(): T {
    return this.current
  }

  set(value: T): void {
    if (Object.is(value, this.current)) return
    this.current = value
    for (const follower of this.followers) follower(value)
  }

  // Calls follower with the value now and with each one after it, until what it
  // returns is called.
  follow(follower: (value: T) => void): () => void {
    this.followers.add(follower)
    follower(this.current)
    return () => this.followers.delete(follower)
  }
}
