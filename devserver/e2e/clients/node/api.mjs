// An API server as Auth0's samples have one: express-oauth2-jwt-bearer validates the tokens. The
// arguments are the issuer, the audience and the port.

import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'

const [issuerBaseURL, audience, port] = process.argv.slice(2)
const app = express()
app.get('/api/external', auth({ issuerBaseURL, audience, tokenSigningAlg: 'RS256' }), (_req, res) => {
  res.json({ msg: 'Your access token was successfully validated!' })
})
app.listen(port, 'localhost', () => console.log(`ready http://localhost:${port}`))
