import { auth0 } from '../../auth0.js'

// Who is logged in, if there is an access token that a refresh has renewed.
export async function GET() {
  const session = await auth0.getSession()
  if (!session) return new Response('nobody')
  const { token } = await auth0.getAccessToken({ refresh: true })
  return new Response(token.startsWith('eyJ') ? session.user.email : 'no token')
}
