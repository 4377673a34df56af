// Tells the other tabs of this app about logins and logouts: each tab has its own
// session state.

export type News = 'logged-in' | 'logged-out'

export class OtherTabs {
  private readonly channel = new BroadcastChannel('session')

  tell(news: News): void {
    this.channel.postMessage(news)
  }

  // Calls follower with the news of other tabs.
  follow(follower: (news: News) => void): void {
    this.channel.addEventListener('message', ({ data }) => {
      if (data === 'logged-in' || data === 'logged-out') follower(data)
    })
  }
}
