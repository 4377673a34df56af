// Runs a test for Cypress with the commands that docs/testing.md shows, in Chromium: the program of
// Cypress comes from no registry. node cypress.mjs TEST CHROMIUM
import { chromium } from '@playwright/test'
import { readFile } from 'node:fs/promises'

const [test, executablePath] = process.argv.slice(2)
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
const context = await browser.newContext()
const page = await context.newPage()

// Commands run one after another, those of a callback before the rest. Each gets what the one before
// has returned.
let queue = []

function command(run) {
  queue.push(run)
  return {
    then: (callback) => command(callback),
    click: () => command((element) => element.click()),
  }
}

async function runCommands() {
  let subject
  while (queue.length > 0) {
    const [run, ...rest] = queue
    queue = []
    subject = await run(subject)
    queue.push(...rest)
  }
}

const cy = {
  // Like Cypress, with the browser's cookies, and failing unless the request succeeds.
  request: (method, url, body) => command(async () => {
    const response = await context.request.fetch(url, { method, data: body })
    if (!response.ok()) throw new Error(`${method} ${url}: ${response.status()} ${await response.text()}`)
    return { status: response.status(), body: await response.json() }
  }),
  visit: (url) => command(() => page.goto(url)),
  contains: (...what) => command(async () => {
    const [selector, text] = what.length === 2 ? what : ['body *', what[0]]
    const element = page.locator(selector, { hasText: text }).last()
    await element.waitFor({ timeout: 20_000 })
    return element
  }),
}

const tests = []
new Function('cy', 'it', await readFile(test, 'utf8'))(cy, (name, body) => tests.push([name, body]))
for (const [name, body] of tests) {
  body()
  await runCommands()
  console.log('passed:', name)
}
await browser.close()
