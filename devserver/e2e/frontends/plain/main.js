import { word } from './lib/word.js'

document.documentElement.dataset.word = word
