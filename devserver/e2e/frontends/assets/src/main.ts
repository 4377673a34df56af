import logo from '/logo.svg'
import picture from './dot.png'
import font from './look.woff2'
import text from './note.txt?raw'
import icon from './icon.svg?url'
import small from './icon.svg?inline'
import data from './data.json'
import program from './answer.wasm'

const out = document.documentElement.dataset
const byURL = new URL('./icon.svg', import.meta.url)
// A comment is no use: new URL('./missing.png', import.meta.url)
const { instance } = await WebAssembly.instantiateStreaming(fetch(program))
out.wasm = String((instance.exports.answer as () => number)())
out.text = text.trim()
out.data = data.name
out.small = small.slice(0, 14)
const pictures = [logo, picture, icon, byURL.href].map(
  (src) =>
    new Promise<string>((resolve) => {
      const image = new Image()
      image.onload = () => resolve(`${image.naturalWidth}x${image.naturalHeight}`)
      image.onerror = () => resolve('missing')
      image.src = src
    }),
)
out.pictures = (await Promise.all(pictures)).join(' ')
out.font = (await fetch(font)).headers.get('Content-Type') ?? ''
