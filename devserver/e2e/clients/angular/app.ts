import '@angular/compiler' // the libraries are compiled in the page, as there is no Angular CLI here

import { AsyncPipe } from '@angular/common'
import { HttpClient, provideHttpClient, withInterceptors } from '@angular/common/http'
import { Component, inject, provideZonelessChangeDetection, signal } from '@angular/core'
import { bootstrapApplication } from '@angular/platform-browser'
import { authHttpInterceptorFn, AuthService, provideAuth0 } from '@auth0/auth0-angular'
import { loadTenant } from '../shared/tenant'

@Component({
  selector: '#app',
  imports: [AsyncPipe],
  template: `
    @if (auth.error$ | async; as error) {
      <p>Failed: {{ error.message }}</p>
    }
    @if (auth.isLoading$ | async) {
      <p>Loading</p>
    } @else if (auth.user$ | async; as user) {
      <p>Hello, {{ user.name }}</p>
      <button (click)="call()">Call the API</button>
      <button (click)="logOut()">Log out</button>
      <p>{{ answer() }}</p>
    } @else {
      <button (click)="auth.loginWithRedirect()">Log in</button>
    }
  `,
})
class App {
  readonly auth = inject(AuthService)
  readonly answer = signal('')
  private readonly http = inject(HttpClient)

  // The interceptor brings the token, as in the tutorial.
  call(): void {
    this.http.get('/api/external', { observe: 'response' }).subscribe((response) => {
      this.answer.set(`${response.status} ${JSON.stringify(response.body)}`)
    })
  }

  logOut(): void {
    this.auth.logout({ logoutParams: { returnTo: location.origin } })
  }
}

void loadTenant().then(({ domain, clientId, audience }) =>
  bootstrapApplication(App, {
    providers: [
      provideZonelessChangeDetection(),
      provideHttpClient(withInterceptors([authHttpInterceptorFn])),
      provideAuth0({
        domain,
        clientId,
        authorizationParams: { audience, redirect_uri: location.origin },
        httpInterceptor: { allowedList: ['/api/*'] },
      }),
    ],
  }),
)
