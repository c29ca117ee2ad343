// Runs a client's cases: an object of asynchronous functions, one line of outcome each.
import { deepStrictEqual } from 'node:assert'

export const address = {
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: process.env.PGUSER,
  database: process.env.PGDATABASE,
}

export const equal = deepStrictEqual

export async function run(cases, seconds = 10) {
  for (const [name, body] of Object.entries(cases)) {
    let timer
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no end after ${seconds} s`)), seconds * 1000) })
    try {
      await Promise.race([body(), late])
      console.log(`case ${name} ok`)
    } catch (error) {
      console.log(`case ${name} failed ${String(error.message ?? error).split(/\s+/).join(' ')}`)
    }
    clearTimeout(timer)
  }
  process.exit(0)
}
