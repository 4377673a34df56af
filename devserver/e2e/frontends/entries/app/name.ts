export const name: string = 'compiled'
