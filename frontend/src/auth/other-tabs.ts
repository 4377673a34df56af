// Tells the other tabs of this app about logins and logouts: each tab has its own
// session state.

export type News = 'logged-in' | 'logged-out'

// Where the browser blocks storage, it may block channels too.
function open(): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel('session')
  } catch {
    return undefined
  }
}

export class OtherTabs {
  // Where the browser has no such channel, each tab finds out by itself when it needs a token.
  private readonly channel = open()

  tell(news: News): void {
    this.channel?.postMessage(news)
  }

  // Calls follower with the news of other tabs.
  follow(follower: (news: News) => void): void {
    this.channel?.addEventListener('message', ({ data }) => {
      if (data === 'logged-in' || data === 'logged-out') follower(data)
    })
  }
}
