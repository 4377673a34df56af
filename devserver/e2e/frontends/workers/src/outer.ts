import picture from './dot.png'

self.onmessage = async ({ data }: MessageEvent<number>) => {
  const inner = new Worker(new URL('./sum.ts', import.meta.url), { type: 'module' })
  const { status } = await fetch(picture)
  inner.onmessage = (message) => self.postMessage(`${message.data}, picture ${status}`)
  inner.postMessage(data)
}
