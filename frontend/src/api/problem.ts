// What a failed call means, and what to do next: the answers of the API, of the dev
// server in front of it and of the tenant, told apart.

import { codeOf } from '../auth/auth-service'
import { NetworkError, TokenError, type ApiAnswer } from './api-service'

// What a button can do about it.
export type Remedy = { kind: 'login' } | { kind: 'consent' } | { kind: 'scope'; scope: string } | { kind: 'renew' } | { kind: 'retry' }

export interface Problem {
  title: string
  meaning: string
  next: string
  remedy?: Remedy
}

// Returns what is wrong with the answer, or undefined if it is a good one. asked
// are the scopes that the app has asked for.
export function explainAnswer(answer: ApiAnswer, asked: string[] = []): Problem | undefined {
  const { status, isJson, scope, challenged } = answer
  if (status === 502 || status === 504) return apiDown(answer)
  if (!isJson && !challenged) {
    return {
      title: 'Something else than the API answered',
      meaning: `The answer was ${status} and no JSON.`,
      next: 'Does a rule in proxy.conf.json cover /api, and does its target name the API?',
    }
  }
  if (status >= 200 && status < 300) return undefined
  if (status === 401) return unauthorized(text(answer, 'reason'), text(answer, 'error_description'))
  if (status === 403) return forbidden(text(answer, 'error_description'), scope, asked)
  if (status === 404) {
    return { title: 'No such path', meaning: 'The API answered, and does not know this path.', next: 'Is there a pathRewrite in proxy.conf.json that changes it?' }
  }
  if (status === 503) {
    return {
      title: 'The API can’t check tokens now',
      meaning: text(answer, 'error_description') || 'It has no keys of the tenant.',
      next: 'Is the tenant running, and is the API’s AUTH0_DOMAIN right? The API’s log says what it tried.',
      remedy: { kind: 'retry' },
    }
  }
  return {
    title: `The API answered ${status}`,
    meaning: text(answer, 'error_description') || 'It says no more than that.',
    next: 'Its log in the terminal may say more.',
    remedy: { kind: 'retry' },
  }
}

function apiDown(answer: ApiAnswer): Problem {
  const target = text(answer, 'target')
  return {
    title: 'No answer from the API',
    meaning: `The dev server passed the request on${target ? ` to ${target}` : ''} and got no answer.`,
    next: text(answer, 'next') || 'Is the API running there? make dev starts it.',
    remedy: { kind: 'retry' },
  }
}

const fresh: Remedy = { kind: 'renew' }
const login: Remedy = { kind: 'login' }

// What to do about a 401, by the reason that our API gives with it.
const refusals: Record<string, { next: string; remedy?: Remedy }> = {
  missing: { next: 'Log in, so that there is a token to send.', remedy: login },
  expired: { next: 'Get a fresh one. If that expires at once, look at this machine’s clock.', remedy: fresh },
  not_yet_valid: { next: 'The clocks of the tenant and the API differ: set them right, or raise the API’s --leeway.', remedy: fresh },
  audience: { next: 'The page and the API must have the same AUTH0_AUDIENCE, and the tenant an API of that name.' },
  not_a_jwt: { next: 'Is there an API with AUTH0_AUDIENCE as its identifier at the tenant, with RS256 and without encryption?' },
  issuer: { next: 'The page and the API must have the same AUTH0_DOMAIN.' },
  unknown_key: { next: 'The tenant may have changed its keys: a fresh token has the new one. If that fails too, page and API use different tenants.', remedy: fresh },
  signature: { next: 'Something changed the token on its way, or page and API use different tenants.', remedy: fresh },
}

function unauthorized(reason: string, description: string): Problem {
  return {
    title: reason === 'missing' ? 'The request had no token' : 'The API refused the token',
    meaning: description || 'It does not say why.',
    ...(refusals[reason] ?? { next: 'Compare the settings of the tenant’s API with what this API wants; docs/token-validation.md lists it.', remedy: login }),
  }
}

function forbidden(description: string, scope: string | undefined, asked: string[]): Problem {
  const problem = { title: 'The token does not grant this', meaning: description || 'The API wants more than the token grants.' }
  if (!scope) return { ...problem, next: 'Ask whoever runs the API what it wants.' }
  if (scope.split(' ').every((one) => asked.includes(one))) {
    return {
      ...problem,
      next: `The tenant was asked for ${scope} and did not grant it: this account lacks the permission. Give it that at the tenant, then get a fresh token; or log in as somebody who has it.`,
      remedy: fresh,
    }
  }
  return { ...problem, next: `Ask the tenant for ${scope}. It may ask you to agree; or this account lacks the permission.`, remedy: { kind: 'scope', scope } }
}

const noAnswer: Record<NetworkError['kind'], Problem> = {
  none: {
    title: 'The network is gone',
    meaning: 'Nobody answered, not even the server that this page comes from.',
    next: 'Is the dev server still running? make dev starts it.',
    remedy: { kind: 'retry' },
  },
  'broken off': {
    title: 'The answer broke off',
    meaning: 'Whoever answered closed the connection in the middle of it.',
    next: 'The terminals of the API and the dev server may say why.',
    remedy: { kind: 'retry' },
  },
  'too slow': {
    title: 'The API does not answer',
    meaning: 'It took the request, and there was no answer for 20 seconds.',
    next: 'Is it stopped in a debugger, or busy? Its terminal may say more.',
    remedy: { kind: 'retry' },
  },
}

// Returns what is wrong if there was no answer.
export function explainError(error: unknown): Problem {
  if (error instanceof NetworkError) return noAnswer[error.kind]
  const cause = error instanceof TokenError ? error.cause : error
  const said = cause instanceof Error ? cause.message : String(cause)
  const problem = (meaning: string, next: string, remedy?: Remedy): Problem => ({
    title: 'There is no access token',
    meaning,
    next,
    ...(remedy && { remedy }),
  })
  switch (codeOf(cause)) {
    case 'login_required':
      return problem('You are not logged in at the tenant any more (login_required).', 'Log in again.', { kind: 'login' })
    case 'consent_required':
      return problem('You have not agreed yet that this app may do this for you (consent_required).', 'The tenant will ask you.', { kind: 'consent' })
    case 'access_denied':
      if (said.startsWith('Service not found')) {
        return problem(`The tenant has no such API: ${said}.`, 'Create an API with this identifier there, or correct AUTH0_AUDIENCE.')
      }
      return problem(`The tenant denied it: ${said}.`, 'A rule of the tenant may forbid it; its log says more.', { kind: 'login' })
    case 'timeout':
      return problem('The tenant did not answer in time.', 'Is it running, and can this machine reach it?', { kind: 'retry' })
  }
  if (cause instanceof TypeError) { // fetch's way to say that nobody answered
    return problem('The tenant can’t be reached.', 'Is it running, and can this machine reach it?', { kind: 'retry' })
  }
  return problem(`The tenant or the SDK said: ${said}`, 'Logging in again often helps.', { kind: 'login' })
}

// The text that the JSON answer has under name.
function text({ body }: ApiAnswer, name: string): string {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined
  return typeof value === 'string' ? value : ''
}
