import { useState } from 'react'

import './app.css'

export function App({ mode }: { mode: string }) {
  const [count, setCount] = useState(0)
  return (
    <>
      <h1 style={{ textIndent: 3 }}>React in {mode}</h1>
      <button onClick={() => setCount(count + 1)}>count {count}</button>
    </>
  )
}
