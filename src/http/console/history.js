// What was run, newest first, kept by this browser: a list to choose from, and steps through it from the editor.

import { $, duration, h, plural } from './dom.js'

const KEY = 'eider.history'
const ENTRIES_MAX = 200
const TEXT_MAX = 20000

let entries = []
let chosen = 0
/** How many steps back the editor shows; -1: it shows a draft. */
let step = -1
let draft = ''
let use = () => {}

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    entries = Array.isArray(kept) ? kept.filter((entry) => typeof entry?.sql === 'string').slice(0, ENTRIES_MAX) : []
  } catch {
    entries = []
  }
}

function save() {
  try {
    localStorage.setItem(KEY, JSON.stringify(entries))
  } catch {
    // Storage is full or switched off: the list lasts as long as the page.
  }
}

export function add(entry) {
  load()
  step = -1
  if (entry.sql.length > TEXT_MAX) return
  entries = [entry, ...entries.filter(({ sql }) => sql !== entry.sql)].slice(0, ENTRIES_MAX)
  chosen = 0
  save()
  draw()
}

/** The text that many steps further back, or `null` at an end. */
export function walk(by, present) {
  if (step === -1) draft = present
  const next = step + by
  if (next < -1 || next >= entries.length) return null
  step = next
  return step === -1 ? draft : entries[step].sql
}

/** Whether the editor shows what it was given from here. */
export const isUntouched = (text) => step >= 0 && entries[step]?.sql === text
export const forget = () => { step = -1 }

function outcome({ failed, rows, changed, seconds }) {
  if (failed) return 'failed'
  const what = rows === undefined ? plural(changed ?? 0, 'row changed', 'rows changed') : plural(rows, 'row')
  return seconds === undefined ? what : `${what}, ${duration(seconds)}`
}

function draw() {
  const list = $('history')
  const options = entries.map((entry, place) => {
    const when = new Date(entry.at).toLocaleString([], { dateStyle: 'short', timeStyle: 'short' })
    return h('li', { role: 'option', id: `history-${place}`, 'aria-selected': place === chosen, onclick: () => pick(place) },
      h('code', {}, entry.sql), h('p', { class: `note${entry.failed ? ' failed' : ''}` }, `${when} · ${entry.database} · ${outcome(entry)}`))
  })
  list.replaceChildren(...options)
  list.hidden = options.length === 0
  $('history-clear').hidden = options.length === 0
  $('history-note').textContent = options.length === 0 ? 'What you run is kept here, in this browser only.' : ''
  if (options.length > 0) list.setAttribute('aria-activedescendant', `history-${chosen}`)
}

function move(place) {
  const options = $('history').children
  options[chosen]?.setAttribute('aria-selected', 'false')
  chosen = Math.max(0, Math.min(entries.length - 1, place))
  options[chosen]?.setAttribute('aria-selected', 'true')
  options[chosen]?.scrollIntoView({ block: 'nearest' })
  $('history').setAttribute('aria-activedescendant', `history-${chosen}`)
}

function pick(place) {
  move(place)
  if (entries[place]) use(entries[place].sql)
}

function key(event) {
  if (event.key === 'ArrowDown') move(chosen + 1)
  else if (event.key === 'ArrowUp') move(chosen - 1)
  else if (event.key === 'Home') move(0)
  else if (event.key === 'End') move(Infinity)
  else if (event.key === 'Enter') pick(chosen)
  else if (event.key === 'Delete') {
    entries.splice(chosen, 1)
    chosen = Math.max(0, Math.min(chosen, entries.length - 1))
    save()
    draw()
  } else return
  event.preventDefault()
}

/** `put` shows a text in the editor. */
export function open(put) {
  use = put
  load()
  draw()
  $('history').addEventListener('keydown', key)
  $('history-clear').addEventListener('click', () => {
    entries = []
    step = -1
    save()
    draw()
    $('sql').focus()
  })
}
