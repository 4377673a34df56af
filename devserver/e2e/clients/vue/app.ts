import { createAuth0, useAuth0 } from '@auth0/auth0-vue'
import { createApp, defineComponent, h, ref } from 'vue'
import { callApi, loadTenant } from '../shared/tenant'

const App = defineComponent(() => {
  const { isLoading, isAuthenticated, error, user, loginWithRedirect, logout, getAccessTokenSilently } = useAuth0()
  const answer = ref('')
  const call = async () => {
    answer.value = await callApi(await getAccessTokenSilently())
  }
  return () => {
    if (error.value) return h('p', `Failed: ${error.value.message}`)
    if (isLoading.value) return h('p', 'Loading')
    if (!isAuthenticated.value) return h('button', { onClick: () => loginWithRedirect() }, 'Log in')
    return [
      h('p', `Hello, ${user.value?.name}`),
      h('button', { onClick: call }, 'Call the API'),
      h('button', { onClick: () => logout({ logoutParams: { returnTo: location.origin } }) }, 'Log out'),
      h('p', answer.value),
    ]
  }
})

void loadTenant().then(({ domain, clientId, audience }) => {
  createApp(App)
    .use(createAuth0({ domain, clientId, authorizationParams: { audience, redirect_uri: location.origin } }))
    .mount('#app')
})
