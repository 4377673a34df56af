import { beforeEach, expect, test } from 'vitest'
import type { AuthService } from '../auth/auth-service'
import { el } from '../dom'
import { type Profile, profileOf, type Session, unknown } from '../session'
import { State } from '../state'
import { Navbar } from './navbar'

let root: HTMLElement
let navbar: Navbar
const session = new State<Session>(unknown)
const auth = {
  session,
  get isAuthenticated() {
    return session.value.kind === 'unknown' ? undefined : session.value.kind === 'signed in'
  },
  get profile() {
    return profileOf(session.value)
  },
}
const texts = () => [...root.querySelectorAll('a, button, summary')].map((one) => one.textContent)
const know = (authenticated: boolean | undefined, profile: Profile = {}) => {
  if (authenticated === undefined) session.set(unknown)
  else session.set(authenticated ? { kind: 'signed in', profile } : { kind: 'signed out', reason: 'not yet' })
}

beforeEach(() => {
  know(undefined)
  root = el('header')
  document.body.replaceChildren(root)
  navbar = new Navbar(root, auth as unknown as AuthService)
  navbar.start()
  navbar.mark('/')
})

test.each([
  ['unknown', undefined, undefined, ['Home']],
  ['signed out', false, undefined, ['Home', 'Log in']],
  ['signed in', true, { sub: 'a', name: 'Ada' }, ['Home', 'External API', 'Ada', 'Profile', 'Log out']],
  [
    'somebody without a name is',
    true,
    { sub: 'a', email: 'ada@example.com' },
    ['Home', 'External API', 'ada@example.com', 'Profile', 'Log out'],
  ],
])('what is offered when %s', (_, authenticated, profile, offered) => {
  know(authenticated, profile)
  expect(texts()).toEqual(offered)
  expect(root.querySelector('[aria-current=page]')?.textContent).toBe('Home')
})

test('the focus stays when the rest changes', () => {
  root.querySelector('a')?.focus()
  know(true, { sub: 'a', name: 'Ada' })
  expect(document.activeElement?.textContent).toBe('Home')
  const menu = root.querySelector('summary')
  menu?.focus()
  know(true, { sub: 'a', name: 'Ada', updated_at: 'later' })
  expect(document.activeElement).toBe(menu)
})
