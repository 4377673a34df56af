import { describe, expect, test } from 'vitest'
import { NetworkError, TokenError, type ApiAnswer } from './api-service'
import { explainAnswer, explainError } from './problem'

const answer = (status: number, body: unknown = {}, more: Partial<ApiAnswer> = {}): ApiAnswer => ({
  path: '/api/external',
  status,
  statusText: '',
  milliseconds: 1,
  isJson: typeof body !== 'string',
  body,
  ...more,
})
const refusal = (error_description: string, error = 'invalid_token') => ({ error, error_description })

test('a good answer is no problem', () => {
  expect(explainAnswer(answer(200, { msg: 'yes' }))).toBeUndefined()
})

describe('answers', () => {
  test.each([
    ['no token', answer(401, refusal('The request has no access token', 'missing_token')), 'had no token', 'Log in', 'login'],
    ['expired', answer(401, refusal('The access token expired')), 'refused the token', 'fresh', 'renew'],
    ['not valid yet', answer(401, refusal('The access token is not valid yet')), 'refused the token', 'clocks', 'renew'],
    ['another audience', answer(401, refusal('The access token is for another audience')), 'refused the token', 'AUTH0_AUDIENCE', undefined],
    ['opaque', answer(401, refusal('The access token is not a JWT; was it requested with this API’s audience?')), 'refused the token', 'AUTH0_AUDIENCE', undefined],
    ['another issuer', answer(401, refusal('The access token is from another issuer')), 'refused the token', 'AUTH0_DOMAIN', undefined],
    ['an unknown key', answer(401, refusal('The access token is signed with a key that the issuer does not publish')), 'refused the token', 'keys', 'renew'],
    ['a bad signature', answer(401, refusal('The access token’s signature is invalid')), 'refused the token', 'keys', 'renew'],
    ['another reason', answer(401, refusal('The access token has no subject')), 'refused the token', 'Log in', 'login'],
    ['a 401 of nobody knows whom', answer(401, {}), 'refused the token', 'Log in', 'login'],
    ['a missing scope', answer(403, refusal('x', 'insufficient_scope'), { scope: 'read:messages' }), 'does not grant', 'Ask the tenant for read:messages', 'scope'],
    ['forbidden without a scope', answer(403), 'does not grant', 'whoever runs', undefined],
    ['the API is down', answer(502, { error: 'x', target: 'http://localhost:3001', next: 'Start it.' }), 'No answer from the API', 'Start it.', 'retry'],
    ['a gateway that says nothing', answer(504, ''), 'No answer from the API', 'make dev', 'retry'],
    ['no keys', answer(503, refusal('The issuer’s keys are not loaded', 'temporarily_unavailable')), 'can’t check tokens', 'tenant', 'retry'],
    ['something else answers', answer(200, '<!doctype html>'), 'Not the API', 'proxy.conf.json', undefined],
    ['no such path', answer(404, { error: 'not_found' }), 'No such path', 'pathRewrite', undefined],
    ['a fault of the API', answer(500, { error: 'x' }), 'answered 500', 'log', 'retry'],
  ])('%s', (_, given, title, next, remedy) => {
    const problem = explainAnswer(given)
    expect(problem?.title).toContain(title)
    expect(problem?.next).toContain(next)
    expect(problem?.meaning).not.toBe('')
    expect(problem?.remedy?.kind).toBe(remedy)
  })

  test('a scope that was asked for in vain is not asked for again', () => {
    const given = answer(403, refusal('x', 'insufficient_scope'), { scope: 'read:messages' })
    expect(explainAnswer(given, ['read:messages'])).toMatchObject({ next: expect.stringContaining('lacks the permission') as string })
    expect(explainAnswer(given, ['read:messages'])?.remedy).toBeUndefined()
    expect(explainAnswer(given, ['other'])?.remedy).toEqual({ kind: 'scope', scope: 'read:messages' })
  })
})

describe('errors', () => {
  const coded = (error: string, message = 'words') => new TokenError(Object.assign(new Error(message), { error }))
  test.each([
    ['the network', new NetworkError(new TypeError('Failed to fetch')), 'network', 'make dev', 'retry'],
    ['login_required', coded('login_required'), 'no access token', 'Log in', 'login'],
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
