export const word = 'as it is'
