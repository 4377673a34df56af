export const kind = 'browser'
