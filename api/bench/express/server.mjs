// The tutorial's backend, as its libraries' documentation writes it today.
import express from 'express'
import { expressjwt } from 'express-jwt'
import jwksRsa from 'jwks-rsa'

const issuer = process.argv[2]
const [host, port] = process.env.API_ADDR.split(':')
const app = express()
const checkJwt = expressjwt({
  secret: jwksRsa.expressJwtSecret({ cache: true, rateLimit: true, jwksRequestsPerMinute: 5, jwksUri: `${issuer}.well-known/jwks.json` }),
  audience: process.env.AUDIENCE,
  issuer,
  algorithms: ['RS256'],
})
app.get('/api/external', checkJwt, (req, res) => {
  res.send({ msg: 'Your access token was successfully validated!' })
})
app.use((err, req, res, next) => res.status(err.status ?? 500).send({ error: err.code }))
app.listen(Number(port), host)
