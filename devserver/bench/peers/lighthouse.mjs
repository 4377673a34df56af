// Prints Lighthouse's scores of the page at a URL, as JSON: mobile, the median of some runs.

import { launch } from 'chrome-launcher'
import lighthouse from 'lighthouse'

const [url, runs] = process.argv.slice(2)
const chrome = await launch({ chromePath: process.env.CHROME_PATH, chromeFlags: ['--headless=new', '--no-sandbox'] })
const scores = {}
try {
  for (let i = 0; i < Number(runs); i++) {
    const { lhr } = await lighthouse(url, { port: chrome.port, logLevel: 'error' })
    for (const [id, { score }] of Object.entries(lhr.categories)) (scores[id] ??= []).push(Math.round(score * 100))
    for (const audit of Object.values(lhr.audits)) {
      if (audit.score !== null && audit.score < 0.9 && process.env.VERBOSE) console.error(audit.id, audit.score, audit.displayValue ?? '')
    }
  }
} finally {
  await chrome.kill()
}
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]
console.log(JSON.stringify(Object.fromEntries(Object.entries(scores).map(([id, list]) => [id, median(list)]))))
