export const add = (n: number): string => `sum ${n + 22}`
