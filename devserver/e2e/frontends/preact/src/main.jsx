import { render } from 'preact'
import { useState } from 'preact/hooks'

function App() {
  const [name] = useState('Preact')
  return <h1>Hello, {name}</h1>
}

render(<App />, document.getElementById('app'))
