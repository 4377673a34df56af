import { add } from './add'

self.onmessage = ({ data }: MessageEvent<number>) => self.postMessage(add(data))
