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
// are the scopes that the app has asked for in vain or not.
export function explainAnswer(answer: ApiAnswer, asked: string[] = []): Problem | undefined {
  const { status, isJson, scope } = answer
  if (status === 502 || status === 504) return apiDown(answer)
  if (!isJson) {
    return {
      title: 'Not the API answered',
      meaning: `Something else did, with ${status} and no JSON.`,
      next: 'Does a rule in proxy.conf.json cover /api, and does its target name the API?',
    }
  }
  if (status >= 200 && status < 300) return undefined
  if (status === 401) return unauthorized(text(answer, 'error'), text(answer, 'error_description'))
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

// A 401, by the reason that the API gives.
function unauthorized(code: string, description: string): Problem {
  const problem = (next: string, remedy?: Remedy): Problem => ({
    title: 'The API refused the token',
    meaning: description || 'It does not say why.',
    next,
    ...(remedy && { remedy }),
  })
  if (code === 'missing_token') {
    return { ...problem('Log in, so that there is one to send.', { kind: 'login' }), title: 'The request had no token' }
  }
  if (/expired/.test(description)) return problem('Get a fresh one. If that expires at once, look at this machine’s clock.', { kind: 'renew' })
  if (/not valid yet/.test(description)) return problem('The clocks of the tenant and the API differ; set them right, or raise the API’s --leeway.', { kind: 'renew' })
  if (/audience/.test(description)) return problem('The page and the API must have the same AUTH0_AUDIENCE, and the tenant an API of that name.')
  if (/issuer\b/.test(description) && !/key/.test(description)) return problem('The page and the API must have the same AUTH0_DOMAIN.')
  if (/key|signature/.test(description)) {
    return problem('The tenant may have changed its keys: a fresh token is signed with the new one. If that fails too, page and API use different tenants.', { kind: 'renew' })
  }
  return problem('Log in again. If that does not help, compare the settings of the page and the API.', { kind: 'login' })
}

function forbidden(description: string, scope: string | undefined, asked: string[]): Problem {
  const problem = { title: 'The token does not grant this', meaning: description || 'The API wants more than the token grants.' }
  if (!scope) return { ...problem, next: 'Ask whoever runs the API what it wants.' }
  if (scope.split(' ').every((one) => asked.includes(one))) {
    return {
      ...problem,
      next: `The tenant was asked for ${scope} and did not grant it: this account lacks the permission. Give it that at the tenant, or log in as somebody who has it.`,
    }
  }
  return { ...problem, next: `Ask the tenant for ${scope}. It may ask you to agree.`, remedy: { kind: 'scope', scope } }
}

// Returns what is wrong if there was no answer.
export function explainError(error: unknown): Problem {
  if (error instanceof NetworkError) {
    return {
      title: 'The network is gone',
      meaning: 'Nobody answered, not even the server that this page comes from.',
      next: 'Is the dev server still running? make dev starts it.',
      remedy: { kind: 'retry' },
    }
  }
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
      return problem('The tenant knows nobody here: your session is over (login_required).', 'Log in again.', { kind: 'login' })
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
