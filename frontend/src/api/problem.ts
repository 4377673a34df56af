// Explains a failed call and what to do next. It distinguishes answers of the API, the
// dev server in front of it, and the tenant.

import { codeOf } from '../auth/auth-service'
import { type ApiAnswer, NetworkError, TokenError } from './api-service'
import { TamperError } from './tamper'

// What a button can do about a problem.
export type Remedy = { kind: 'login' } | { kind: 'consent' } | { kind: 'scope'; scope: string } | { kind: 'renew' } | { kind: 'retry' }

export interface Problem {
  title: string
  meaning: string
  next: string
  remedy?: Remedy
}

// Returns the problem of an answer, or undefined if there is none. asked are the scopes
// that the app has requested.
export function explainAnswer(answer: ApiAnswer, asked: string[] = []): Problem | undefined {
  const { status, isJson, scope, challenged } = answer
  const ofDevServer = text(answer, 'place') // the rule in proxy.conf.json
  if (ofDevServer && !['bad_gateway', 'gateway_timeout'].includes(text(answer, 'error'))) return notForwarded(answer)
  if (status === 502 || status === 504) return apiDown(answer)
  if (!isJson && !challenged) {
    return {
      title: 'Another server than the API answered',
      meaning: `The answer was ${status} and not JSON.`,
      next: 'Does a rule in proxy.conf.json match /api, and is its target the API?',
    }
  }
  if (status >= 200 && status < 300) return undefined
  if (status === 401) return unauthorized(text(answer, 'reason'), text(answer, 'error_description'))
  if (status === 403) return forbidden(text(answer, 'error_description'), scope, asked)
  if (status === 404) {
    return {
      title: 'No such path',
      meaning: 'The API answered that it has no such path.',
      next: 'Does a pathRewrite in proxy.conf.json change it?',
    }
  }
  if (status === 503) {
    return {
      title: 'The API cannot check tokens now',
      meaning: text(answer, 'error_description') || 'It has not loaded the tenant’s keys.',
      next: 'Is the tenant running, and is the API’s AUTH0_DOMAIN right? The API’s log says what it tried.',
      remedy: { kind: 'retry' },
    }
  }
  return {
    title: `The API answered ${status}`,
    meaning: text(answer, 'error_description') || 'The answer has no explanation.',
    next: 'Its log in the terminal may say more.',
    remedy: { kind: 'retry' },
  }
}

function apiDown(answer: ApiAnswer): Problem {
  const target = text(answer, 'target')
  return {
    title: 'No answer from the API',
    meaning: `The dev server forwarded the request${target ? ` to ${target}` : ''} and got no answer.`,
    next: text(answer, 'next') || 'Is the API running there? make dev starts it.',
    remedy: { kind: 'retry' },
  }
}

function notForwarded(answer: ApiAnswer): Problem {
  return {
    title: 'The dev server did not forward the request',
    meaning: `${text(answer, 'error_description')} Cause: ${text(answer, 'cause')}.`,
    next: text(answer, 'next'),
  }
}

const fresh: Remedy = { kind: 'renew' }
const login: Remedy = { kind: 'login' }

// What to do about a 401, by the reason in the API’s answer.
const refusals: Record<string, { next: string; remedy?: Remedy }> = {
  missing: { next: 'Log in to get a token.', remedy: login },
  expired: { next: 'Get a fresh token. If that expires at once, check this machine’s clock.', remedy: fresh },
  not_yet_valid: { next: 'The clocks of the tenant and the API differ: set them right, or raise the API’s --leeway.', remedy: fresh },
  audience: { next: 'The page and the API must have the same AUTH0_AUDIENCE, and the tenant an API with that identifier.' },
  not_a_jwt: { next: 'Does the tenant have an API with AUTH0_AUDIENCE as its identifier, RS256, and no encryption?' },
  issuer: { next: 'The page and the API must have the same AUTH0_DOMAIN.' },
  unknown_key: {
    next: 'The tenant may have rotated its keys: get a fresh token. If that fails too, the page and the API use different tenants.',
    remedy: fresh,
  },
  binding: {
    next: 'The token is not bound to this browser’s key: get a fresh token. If that fails too, start the page with AUTH0_DPOP=true.',
    remedy: fresh,
  },
  proof_url: {
    next: 'The API expects another URL than this page’s: add it to API_PUBLIC_URLS. make dev does that, unless a proxy rule changes the path: see docs/dpop.md.',
  },
  proof_time: { next: 'This machine’s clock or the API’s is wrong: set it right, or start the API with --dpop-nonce=on.' },
  proof_missing: { next: 'The page sent no DPoP proof. Is something between the page and the API that removes headers?' },
  proof_key: { next: 'The DPoP proof was changed on its way, or this browser’s key is not accepted: log in again.', remedy: login },
  proof_replayed: { next: 'The request was sent twice, with one proof: try again.', remedy: { kind: 'retry' } },
  proof_nonce: { next: 'The API asked for a nonce twice: try again.', remedy: { kind: 'retry' } },
  signature: { next: 'The token was changed on its way, or the page and the API use different tenants.', remedy: fresh },
}

function unauthorized(reason: string, description: string): Problem {
  return {
    title: reason === 'missing' ? 'The request had no token' : `The API rejected the ${reason.startsWith('proof_') ? 'proof' : 'token'}`,
    meaning: description || 'The answer has no explanation.',
    ...(refusals[reason] ?? { next: 'Compare the settings of the tenant’s API with docs/token-validation.md.', remedy: login }),
  }
}

function forbidden(description: string, scope: string | undefined, asked: string[]): Problem {
  const problem = { title: 'The token does not grant this', meaning: description || 'The API requires more than the token grants.' }
  if (!scope) return { ...problem, next: 'Ask the API’s operator what it requires.' }
  if (scope.split(' ').every((one) => asked.includes(one))) {
    return {
      ...problem,
      next: `The tenant did not grant ${scope}: this account lacks the permission. Add it at the tenant and get a fresh token, or log in as another user.`,
      remedy: fresh,
    }
  }
  return {
    ...problem,
    next: `Request ${scope} from the tenant. It may ask you to agree, or this account may lack the permission.`,
    remedy: { kind: 'scope', scope },
  }
}

const noAnswer: Record<NetworkError['kind'], Problem> = {
  none: {
    title: 'No connection',
    meaning: 'The server that this page comes from did not answer.',
    next: 'Is the dev server still running? make dev starts it.',
    remedy: { kind: 'retry' },
  },
  'broken off': {
    title: 'The answer broke off',
    meaning: 'The connection was closed in the middle of the answer.',
    next: 'The terminals of the API and the dev server may say why.',
    remedy: { kind: 'retry' },
  },
  'too slow': {
    title: 'The API does not answer',
    meaning: 'It accepted the request and did not answer for 20 seconds.',
    next: 'Is it stopped in a debugger, or busy? Its terminal may say more.',
    remedy: { kind: 'retry' },
  },
}

// Returns the problem of a call without an answer.
export function explainError(error: unknown): Problem {
  if (error instanceof NetworkError) return noAnswer[error.kind]
  if (error instanceof TamperError) return { title: 'This token cannot be made', meaning: error.message, next: 'Nothing was sent.' }
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
      return problem('You are no longer logged in at the tenant (login_required).', 'Log in again.', { kind: 'login' })
    case 'consent_required':
      return problem('You have not agreed yet that this app may do this for you (consent_required).', 'The tenant will ask you.', {
        kind: 'consent',
      })
    case 'access_denied':
      if (said.startsWith('Service not found')) {
        return problem(`The tenant has no such API: ${said}.`, 'Create an API with this identifier there, or correct AUTH0_AUDIENCE.')
      }
      return problem(`The tenant denied it: ${said}.`, 'A rule of the tenant may forbid it; its log says more.', { kind: 'login' })
    case 'timeout':
      return problem('The tenant did not answer in time.', 'Is it running, and can this machine reach it?', { kind: 'retry' })
  }
  if (cause instanceof TypeError) {
    // fetch has got no answer
    return problem('The tenant cannot be reached.', 'Is it running, and can this machine reach it?', { kind: 'retry' })
  }
  return problem(`The tenant or the SDK said: ${said}`, 'Logging in again often helps.', { kind: 'login' })
}

// The string member name of the JSON answer, or ''.
function text({ body }: ApiAnswer, name: string): string {
  const value = typeof body === 'object' && body !== null ? (body as Record<string, unknown>)[name] : undefined
  return typeof value === 'string' ? value : ''
}
