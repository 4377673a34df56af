import { mode, hasFiles } from 'old'
import { kind } from 'modern/kind'

const out = document.documentElement.dataset
out.mode = mode
out.files = String(hasFiles)
out.kind = kind
