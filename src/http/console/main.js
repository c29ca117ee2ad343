// The page: which view is shown, when the node is asked, who the user is, and the theme.

import { json, plain, signIn, signOut, userName } from './api.js'
import * as cluster from './cluster.js'
import { $, called, duration, say } from './dom.js'
import { parse } from './metrics.js'
import * as sql from './sql.js'

const PERIOD = 2000
/** What changes seldom is asked for in every so-manieth round. */
const SELDOM = 5
const NODES = '/nodes?nonvoters&ver=2&details&timeout=1s'

let me = ''
let round = 0
let answered = null
let view = ''
let timer
let denied = false

// ---------------------------------------------------------------- asking

async function status() {
  const { document } = await json('/status?key=store')
  me = document.node_id ?? ''
  const found = document.sqlite3?.databases ?? {}
  cluster.databases(found)
  sql.databases(Object.keys(found).length > 0 ? Object.keys(found) : ['postgres'])
}

async function ask() {
  if (round % SELDOM === 0) await status()
  round += 1
  if (view !== 'cluster' && round % SELDOM !== 1) return
  const [{ document }, text] = await Promise.all([json(NODES), plain('/metrics')])
  const { judged, title } = cluster.show(document, me)
  cluster.read(parse(text), judged, performance.now() / 1000)
  cluster.draw(judged, me)
  $('view-cluster').classList.remove('stale')
  pulse(`${called(me)}: ${title.toLowerCase()}`)
  window.document.title = title === 'Healthy' ? `Eider ${me}` : `${title} · Eider ${me}`
}

function pulse(text, state = 'there') {
  say($('pulse'), text)
  $('pulse').dataset.state = state
}

function lost(error) {
  const age = answered === null ? '' : ` Its last answer came ${duration((performance.now() - answered) / 1000)} ago.`
  pulse(error.message, 'lost')
  $('view-cluster').classList.add('stale')
  $('verdict').dataset.state = 'bad'
  say($('verdict-title'), 'This node does not answer')
  say($('verdict-text'), `${error.message}${age} The other nodes may well be up: open the console of one of them.`)
}

function deny() {
  if (userName !== null) {
    pulse(`${userName} may not see the cluster`)
    $('verdict').dataset.state = 'unknown'
    say($('verdict-title'), 'Not permitted')
    say($('verdict-text'), `${userName} lacks the permission status, which shows the cluster. SQL works as far as it is permitted.`)
    denied = true
    return
  }
  pulse('Not signed in')
  if (!$('sign-in').open) $('sign-in').showModal()
}

async function tick() {
  clearTimeout(timer)
  if (document.hidden || denied) return
  try {
    await ask()
    answered = performance.now()
  } catch (error) {
    if (error.status === 401) deny()
    else {
      round = 0
      lost(error)
    }
  }
  if (!$('sign-in').open && !denied) timer = setTimeout(tick, PERIOD)
}

// ---------------------------------------------------------------- who, which view, which theme

async function enter(event) {
  event.preventDefault()
  say($('sign-in-error'), '')
  try {
    if (!(await signIn($('user').value, $('password').value))) {
      say($('sign-in-error'), 'The node refuses that name and password, or lets them do nothing here.')
      $('password').select()
      return
    }
  } catch (error) {
    say($('sign-in-error'), error.message)
    return
  }
  $('password').value = ''
  $('sign-out').hidden = false
  $('sign-out').title = `Signed in as ${userName}`
  $('sign-in').close()
  denied = false
  round = 0
  await tick()
  if (view === 'sql') sql.enter()
}

function leave() {
  signOut()
  $('sign-out').hidden = true
  denied = false
  round = 0
  tick()
}

function turn() {
  const wanted = location.hash === '#sql' ? 'sql' : 'cluster'
  if (location.hash === '#main' || wanted === view) return
  view = wanted
  for (const link of document.querySelectorAll('[data-view]')) {
    if (link.dataset.view === view) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
  $('view-cluster').hidden = view !== 'cluster'
  $('view-sql').hidden = view !== 'sql'
  if (view === 'sql') {
    sql.enter()
    $('sql').focus({ preventScroll: true })
  } else tick()
}

function theme() {
  let chosen = document.documentElement.dataset.theme ?? 'system'
  for (const choice of $('theme').querySelectorAll('input')) {
    choice.checked = choice.value === chosen
    choice.addEventListener('change', () => {
      chosen = choice.value
      if (chosen === 'system') delete document.documentElement.dataset.theme
      else document.documentElement.dataset.theme = chosen
      try {
        localStorage.setItem('eider.theme', chosen)
      } catch {
        // Storage is switched off: the choice lasts as long as the page.
      }
    })
  }
}

theme()
cluster.open()
sql.begin()
$('sign-in-form').addEventListener('submit', enter)
$('sign-in').addEventListener('close', () => tick())
$('sign-out').addEventListener('click', leave)
window.addEventListener('hashchange', turn)
document.addEventListener('visibilitychange', () => tick())
turn()
if (view === 'sql') tick()
