// The node's public HTTP API. Who the user is, is only known here, and only until the page is left.

import { parse } from './json.js'

/** A larger answer is given up. */
const ANSWER_BYTES_MAX = 64 << 20
const TIMEOUT = 8000

let authorization = null
export let userName = null

/** What the node said, with its status; 0 if it said nothing. */
export class Failure extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

async function text(response, controller) {
  const reader = response.body?.getReader()
  if (!reader) return ''
  const decoder = new TextDecoder()
  const parts = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.length
    if (size > ANSWER_BYTES_MAX) {
      controller.abort()
      throw new Failure(response.status, `The result is larger than ${ANSWER_BYTES_MAX >> 20} MiB. Add a LIMIT, or take it with curl or psql.`)
    }
    parts.push(decoder.decode(value, { stream: true }))
  }
  parts.push(decoder.decode())
  return parts.join('')
}

async function ask(path, { method = 'GET', body, signal, timeout = TIMEOUT, as = authorization } = {}) {
  const controller = new AbortController()
  const stop = () => controller.abort()
  signal?.addEventListener('abort', stop)
  const timer = timeout && setTimeout(stop, timeout)
  const headers = {}
  if (as) headers.Authorization = as
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  try {
    // The browser's own idea of who the user is, is left out: it would ask by itself.
    const options = { method, headers, body, signal: controller.signal, credentials: 'omit', cache: 'no-store' }
    const response = await fetch(path, options)
    const answer = await text(response, controller)
    if (!response.ok) throw new Failure(response.status, answer.trim() || `The node answered with status ${response.status}.`)
    return { answer, servedBy: response.headers.get('X-RQLITE-SERVED-BY') }
  } catch (error) {
    if (error instanceof Failure) throw error
    if (signal?.aborted) throw new Failure(0, 'Stopped.')
    if (controller.signal.aborted) throw new Failure(0, 'The node does not answer.')
    throw new Failure(0, 'The node can’t be reached.')
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}

export async function json(path, options) {
  const { answer, servedBy } = await ask(path, options)
  return { document: parse(answer), servedBy }
}

export const plain = async (path, options) => (await ask(path, options)).answer

/** Harmless requests, each with a permission of its own. */
const PROBES = [
  ['/status?key=node', {}],
  ['/db/query?q=SELECT+1&level=none', {}],
  ['/db/execute', { method: 'POST', body: 'null' }],
]

async function isAllowed(path, options, as) {
  try {
    await ask(path, { ...options, as })
  } catch (error) {
    if (error.status === 0) throw error
    return error.status !== 401
  }
  return true
}

/** Whether the user may do something here that not everybody may: only that tells that the password is right. */
export async function signIn(name, password) {
  const bytes = new TextEncoder().encode(`${name}:${password}`)
  const as = `Basic ${btoa(String.fromCharCode(...bytes))}`
  for (const [path, options] of PROBES) {
    if ((await isAllowed(path, options, null)) || !(await isAllowed(path, options, as))) continue
    authorization = as
    userName = name
    return true
  }
  return false
}

export function signOut() {
  authorization = null
  userName = null
}
