package config

// manual is the text of --help before the flags. Its verb is the list of endpoints.
const manual = `api is an HTTP API that requires a valid access token: a JWT signed by one of the
configured tenants, for this API, not expired.

Usage: api [flags]

%s
A rejected request is told why in the JSON body and in WWW-Authenticate (RFC 6750).
While a tenant's keys are not available, its tokens get 503 with Retry-After.
The API stops on SIGINT or SIGTERM, after --drain and the requests in flight, which may
take 4 seconds. On SIGHUP it fetches the keys again. It sends traces by OTLP if
OTEL_EXPORTER_OTLP_ENDPOINT is set.

A flag overrides the variable named with it. Flags without one are set as flags only.

`
