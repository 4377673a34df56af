import { add } from './add'

self.addEventListener('connect', (event) => (event as MessageEvent).ports[0]!.postMessage(add(1)))
