package config

// manual is the text of --help before the flags. Its verb is the list of endpoints.
const manual = `api is an HTTP API that requires a valid access token: a JWT signed with RS256 by the
configured tenant, for this API, not expired.

Usage: api [flags]

%s
A rejected request is told why in the JSON body and in WWW-Authenticate (RFC 6750).
While the tenant's keys are not available, the answer is 503 with Retry-After.
The API stops on SIGINT or SIGTERM, after the requests in flight, within 4 seconds.

A flag overrides the variable named with it.

`
