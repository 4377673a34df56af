package config

// manual is what --help says before the flags.
const manual = `api answers callers who bring a good access token: a JWT signed with RS256 by the
configured tenant, for this API, now.

Usage: api [flags]

  GET /api/external          any valid token
  GET /api/private-scoped    a valid token that grants read:messages
  GET /api/public            no token
  GET /healthz               200 while the process lives
  GET /readyz                200 once the tenant's keys are loaded, else 503
  GET /metrics               numbers for Prometheus
  GET /.well-known/oauth-protected-resource   this API's description (RFC 9728)

A refusal says why in its JSON body and in WWW-Authenticate (RFC 6750). Without the
tenant's keys nothing can be said of a token, so the answer is 503 with Retry-After.
It ends on SIGINT or SIGTERM once the requests in flight are answered, 4 s at the most.

A flag wins over the variable that stands for it.

`
