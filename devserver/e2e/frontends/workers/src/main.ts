import Sum from './sum?worker'

const out = document.documentElement.dataset
const answer = (worker: Worker) =>
  new Promise<string>((resolve) => {
    worker.onmessage = ({ data }) => resolve(data)
    worker.onerror = ({ message }) => resolve(`failed: ${message}`)
    worker.postMessage(20)
  })
out.module = await answer(new Worker(new URL('./sum.ts', import.meta.url), { type: 'module' }))
out.classic = await answer(new Worker(new URL('./sum.ts', import.meta.url)))
out.imported = await answer(new Sum())
out.nested = await answer(new Worker(new URL('./outer.ts', import.meta.url), { type: 'module' }))
const shared = new SharedWorker(new URL('./shared.ts', import.meta.url), { type: 'module' })
shared.port.onmessage = ({ data }) => {
  out.shared = data
}
shared.port.start()
