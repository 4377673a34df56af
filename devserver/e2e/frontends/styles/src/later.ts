import './later.css'
import './first.css'

export const later = 'loaded'
