// Auth0's own middleware, as its documentation writes it.
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'

const [host, port] = process.env.API_ADDR.split(':')
const app = express()
app.get('/readyz', (_req, res) => res.send('ok'))
app.get('/api/external', auth({ issuerBaseURL: process.argv[2], audience: process.env.AUDIENCE }), (_req, res) => {
  res.send({ msg: 'Your access token was successfully validated!' })
})
app.use((err, _req, res, _next) => res.status(err.status ?? 500).send({ error: err.code }))
app.listen(Number(port), host)
