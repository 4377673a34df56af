import { name } from './name'

document.documentElement.dataset.first = name satisfies string
