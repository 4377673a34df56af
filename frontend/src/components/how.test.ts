import { expect, test } from 'vitest'
import { excerpt } from './how'

const source = `import x from 'x'

// Top.
export function top(a: string): void {
  if (a) {
    x()
  }
}

class Service {
  other = 1

  // Says hello.
  // Twice.
  async hello(name: string): Promise<void> {
    await x(name)
  }
}
`

test('a method with its comments, without its indentation', () => {
  expect(excerpt(source, 'hello')).toEqual({
    text: '// Says hello.\n// Twice.\nasync hello(name: string): Promise<void> {\n  await x(name)\n}',
    line: 13,
  })
})

test('a function, up to its own end', () => {
  expect(excerpt(source, 'top').text).toBe('// Top.\nexport function top(a: string): void {\n  if (a) {\n    x()\n  }\n}')
})

test('a function of Go', () => {
  const go = 'package x\n\n// verify verifies.\nfunc (v *Verifier) verify(raw string) error {\n\treturn nil\n}\n'
  expect(excerpt(go, 'verify').text).toBe('// verify verifies.\nfunc (v *Verifier) verify(raw string) error {\n\treturn nil\n}')
})

test('all of it, without a name or without the function', () => {
  expect(excerpt(source)).toEqual({ text: source })
  expect(excerpt(source, 'gone')).toEqual({ text: source })
})
