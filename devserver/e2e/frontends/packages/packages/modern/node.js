export const kind = 'node'
