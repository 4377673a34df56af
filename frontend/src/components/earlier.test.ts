import { beforeEach, expect, test } from 'vitest'
import { Earlier, type Kept } from './earlier'

beforeEach(() => sessionStorage.clear())

const call = (title: string): Kept => ({
  title,
  sent: 'Sent with no token',
  checks: [{ name: 'Scope', result: 'failed', meaning: 'Does it?' }],
  body: '{"a": "<b>"}'.padEnd(5000),
})
const titles = (earlier: Earlier) => [...earlier.element.querySelectorAll('summary')].map((one) => one.textContent)

test('calls outlive a login, once', () => {
  const before = new Earlier('ada')
  before.add(call('first'), [])
  before.keep(call('last'))
  const after = new Earlier('ada')
  expect(titles(after)).toEqual(['last', 'first'])
  expect(after.element.textContent).toContain('Scope: failed')
  expect(after.element.querySelector('b')).toBeNull()
  expect(after.element.hidden).toBe(false)
  expect(titles(new Earlier('ada'))).toEqual([])
})

test('five at most', () => {
  const before = new Earlier('ada')
  for (const title of ['1', '2', '3', '4', '5', '6']) before.add(call(title), [])
  expect(titles(before)).toEqual(['6', '5', '4', '3', '2'])
  before.keep(call('7'))
  expect(titles(new Earlier('ada'))).toEqual(['7', '6', '5', '4', '3'])
})

test.each([
  ['of another user', '{"user": "bob", "calls": [{"title": "x"}]}'],
  ['of no user', '{"calls": []}'],
  ['not JSON', 'x'],
  ['of another shape', '{"user": "ada", "calls": [null, {"title": "x"}]}'],
  ['no list', '{"user": "ada", "calls": 1}'],
])('none %s', (_, kept) => {
  sessionStorage.setItem('calls', kept)
  expect(titles(new Earlier('ada'))).toEqual([])
  expect(sessionStorage.getItem('calls')).toBeNull()
})
