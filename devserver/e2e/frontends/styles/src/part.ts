import './part.css'

export const shown = 'part'
