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

  // Calls follower with the value now and with each new one, until the returned
  // function is called.
  follow(follower: (value: T) => void): () => void {
    this.followers.add(follower)
    follower(this.current)
    return () => this.followers.delete(follower)
  }

  // Is follow for a part of the value: follower is called only when the part changes.
  followPart<P>(select: (value: T) => P, follower: (part: P) => void): () => void {
    let part: P
    let called = false
    return this.follow((value) => {
      const now = select(value)
      if (called && Object.is(now, part)) return
      part = now
      called = true
      follower(now)
    })
  }
}
