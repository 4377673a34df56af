import { describe, expect, test } from 'vitest'
import { type ApiAnswer, NetworkError, TokenError } from './api-service'
import { explainAnswer, explainError } from './problem'

const answer = (status: number, body: unknown = {}, more: Partial<ApiAnswer> = {}): ApiAnswer => ({
  path: '/api/external',
  status,
  statusText: '',
  began: 0,
  milliseconds: 1,
  isJson: typeof body !== 'string',
  body,
  challenged: false,
  isPublic: false,
  trace: '',
  ...more,
})
const refusal = (reason: string, error = 'invalid_token') => ({ error, error_description: 'in words', reason })

test('a good answer is no problem', () => {
  expect(explainAnswer(answer(200, { msg: 'yes' }))).toBeUndefined()
})

describe('answers', () => {
  test.each([
    ['no token', answer(401, refusal('missing', 'missing_token')), 'had no token', 'Log in', 'login'],
    ['expired', answer(401, refusal('expired')), 'rejected the token', 'fresh', 'renew'],
    ['not valid yet', answer(401, refusal('not_yet_valid')), 'rejected the token', 'clocks', 'renew'],
    ['another audience', answer(401, refusal('audience')), 'rejected the token', 'AUTH0_AUDIENCE', undefined],
    ['opaque', answer(401, refusal('not_a_jwt')), 'rejected the token', 'AUTH0_AUDIENCE', undefined],
    ['another issuer', answer(401, refusal('issuer')), 'rejected the token', 'AUTH0_DOMAIN', undefined],
    ['an unknown key', answer(401, refusal('unknown_key')), 'rejected the token', 'keys', 'renew'],
    ['bound to another key', answer(401, refusal('binding')), 'rejected the token', 'fresh', 'renew'],
    ['another URL', answer(401, refusal('proof_url')), 'rejected the proof', 'API_PUBLIC_URLS', undefined],
    ['a bad signature', answer(401, refusal('signature')), 'rejected the token', 'on its way', 'renew'],
    ['another reason', answer(401, refusal('claims')), 'rejected the token', 'settings', 'login'],
    ['a 401 without a reason', answer(401, {}), 'rejected the token', 'settings', 'login'],
    ['a 401 in plain text, with a challenge', answer(401, 'no', { challenged: true }), 'rejected the token', 'settings', 'login'],
    [
      'a missing scope',
      answer(403, refusal('scope', 'insufficient_scope'), { scope: 'read:messages' }),
      'does not grant',
      'Request read:messages',
      'scope',
    ],
    ['forbidden without a scope', answer(403), 'does not grant', 'operator', undefined],
    [
      'the API is down',
      answer(502, { error: 'bad_gateway', place: 'f:1:2', target: 'http://localhost:3001', next: 'Start it.' }),
      'No answer from the API',
      'Start it.',
      'retry',
    ],
    [
      'a rule without a target',
      answer(502, { error: 'no_target', error_description: 'No target.', place: 'f:1:2', cause: 'none', next: 'Add one.' }),
      'did not forward',
      'Add one.',
      undefined,
    ],
    [
      'a WebSocket',
      answer(403, { error: 'websocket_refused', error_description: 'No.', place: 'f:1:2', cause: 'none', next: 'Add ws.' }),
      'did not forward',
      'Add ws.',
      undefined,
    ],
    ['a gateway that says nothing', answer(504, ''), 'No answer from the API', 'make dev', 'retry'],
    ['no keys', answer(503, refusal('unavailable', 'temporarily_unavailable')), 'cannot check tokens', 'tenant', 'retry'],
    ['something else answers', answer(200, '<!doctype html>'), 'than the API answered', 'proxy.conf.json', undefined],
    ['no such path', answer(404, { error: 'not_found' }), 'No such path', 'pathRewrite', undefined],
    ['an error of the API', answer(500, { error: 'x' }), 'answered 500', 'log', 'retry'],
  ])('%s', (_, given, title, next, remedy) => {
    const problem = explainAnswer(given)
    expect(problem?.title).toContain(title)
    expect(problem?.next).toContain(next)
    expect(problem?.meaning).not.toBe('')
    expect(problem?.remedy?.kind).toBe(remedy)
  })

  test('a scope that was requested in vain is not requested again', () => {
    const given = answer(403, refusal('scope', 'insufficient_scope'), { scope: 'read:messages' })
    const asked = explainAnswer(given, ['read:messages'])
    expect(asked?.next).toContain('lacks the permission')
    expect(asked?.remedy).toEqual({ kind: 'renew' })
    expect(explainAnswer(given, ['other'])?.remedy).toEqual({ kind: 'scope', scope: 'read:messages' })
  })
})

describe('errors', () => {
  const coded = (error: string, message = 'words') => new TokenError(Object.assign(new Error(message), { error }))
  test.each([
    ['no network', new NetworkError('none', new TypeError('Failed to fetch')), 'connection', 'make dev', 'retry'],
    ['half an answer', new NetworkError('broken off', new TypeError('terminated')), 'broke off', 'terminals', 'retry'],
    ['no answer in time', new NetworkError('too slow', new Error('timeout')), 'does not answer', 'debugger', 'retry'],
    ['login_required', coded('login_required'), 'no access token', 'Log in again', 'login'],
    ['consent_required', coded('consent_required'), 'no access token', 'will ask', 'consent'],
    ['an unknown audience', coded('access_denied', 'Service not found: x'), 'no access token', 'AUTH0_AUDIENCE', undefined],
    ['another denial', coded('access_denied', 'no'), 'no access token', 'log', 'login'],
    ['a silent tenant', coded('timeout'), 'no access token', 'running', 'retry'],
    ['an unreachable tenant', new TokenError(new TypeError('Failed to fetch')), 'no access token', 'running', 'retry'],
    ['anything else', new TokenError('odd'), 'no access token', 'Logging in', 'login'],
  ])('%s', (_, error, title, next, remedy) => {
    const problem = explainError(error)
    expect(problem.title).toContain(title)
    expect(problem.next).toContain(next)
    expect(problem.remedy?.kind).toBe(remedy)
  })
})
