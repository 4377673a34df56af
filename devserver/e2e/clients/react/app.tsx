import { Auth0Provider, useAuth0 } from '@auth0/auth0-react'
import { useState } from 'react'
import { createRoot } from 'react-dom/client'
import { callApi, loadTenant } from '../shared/tenant'

function App() {
  const { isLoading, isAuthenticated, error, user, loginWithRedirect, logout, getAccessTokenSilently } = useAuth0()
  const [answer, setAnswer] = useState('')
  const call = async () => setAnswer(await callApi(await getAccessTokenSilently()))
  if (error) return <p>Failed: {error.message}</p>
  if (isLoading) return <p>Loading</p>
  if (!isAuthenticated) return <button onClick={() => void loginWithRedirect()}>Log in</button>
  return (
    <>
      <p>Hello, {user?.name}</p>
      <button onClick={() => void call()}>Call the API</button>
      <button onClick={() => void logout({ logoutParams: { returnTo: location.origin } })}>Log out</button>
      <p>{answer}</p>
    </>
  )
}

void loadTenant().then(({ domain, clientId, audience }) => {
  createRoot(document.getElementById('app')!).render(
    <Auth0Provider domain={domain} clientId={clientId} authorizationParams={{ audience, redirect_uri: location.origin }}>
      <App />
    </Auth0Provider>,
  )
})
