// The editor, and what comes of running it.

import { json, userName } from './api.js'
import { $, copy, count, duration, h, plural, say } from './dom.js'
import { Grid, csv, jsonText } from './grid.js'
import * as history from './history.js'
import { quoted as quote, statements, tokenAt, tokens } from './lexer.js'
import * as schema from './schema.js'

const LEVELS = {
  none: 'This node’s own copy, which may lag.',
  weak: 'The leader’s copy, unasked whether it still leads.',
  linearizable: 'All that was acknowledged before.',
  strong: 'Through the log, as a write is.',
}
/** Longer texts aren't coloured. */
const PAINTED_MAX = 100000

const editor = $('sql')
const grid = new Grid($('grid'))
let mark = null
let running = null
/** Whether the text changes by other hands than the user's. */
let putting = false
let results = []
let current = null

const database = () => $('database').value || 'postgres'

// ---------------------------------------------------------------- the editor

function paint() {
  const text = editor.value
  const parts = []
  const put = (start, end, kind) => {
    if (start === end) return
    const piece = text.slice(start, end)
    parts.push(kind ? h('span', { class: kind }, piece) : piece)
  }
  const plain = { space: true, name: true, end: true, other: true }
  const all = text.length > PAINTED_MAX ? [{ kind: 'other', start: 0, end: text.length }] : tokens(text)
  for (const { kind, start, end } of all) {
    const shown = plain[kind] ? '' : kind
    if (!mark || mark.end <= start || mark.start >= end) {
      put(start, end, shown)
      continue
    }
    const [from, to] = [Math.max(start, mark.start), Math.min(end, mark.end)]
    put(start, from, shown)
    put(from, to, `${shown} wrong`)
    put(to, end, shown)
  }
  $('paint').replaceChildren(...parts, '\n')
  const lines = text.split('\n').length
  const wrong = mark ? lineOf(text, mark.start) : 0
  const numbers = Array.from({ length: lines }, (_, line) =>
    line + 1 === wrong ? h('span', { class: 'wrong' }, String(line + 1)) : String(line + 1))
  $('gutter').replaceChildren(...numbers.flatMap((number) => [number, '\n']))
}

const lineOf = (text, place) => text.slice(0, place).split('\n').length

function changed() {
  mark = null
  paint()
}

/** Puts a text in the editor, in a way that the browser's undo knows. */
function put(text, all = true) {
  editor.focus()
  if (all) editor.select()
  putting = true
  if (!document.execCommand('insertText', false, text)) {
    editor.setRangeText(text, all ? 0 : editor.selectionStart, all ? editor.value.length : editor.selectionEnd, 'end')
  }
  putting = false
  keep('eider.draft', editor.value)
  changed()
}

function step(by) {
  const text = history.walk(by, editor.value)
  if (text === null) return
  put(text)
}

function key(event) {
  const plain = !event.shiftKey && !event.ctrlKey && !event.metaKey
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) run()
  else if ((event.key === 'ArrowUp' || event.key === 'ArrowDown') && plain
    && (event.altKey || editor.value === '' || history.isUntouched(editor.value))) step(event.key === 'ArrowUp' ? 1 : -1)
  else return
  event.preventDefault()
}

/** Keeps the caret in sight: the text area is as large as its text, and what surrounds it scrolls. */
function follow() {
  const box = $('editor')
  const before = editor.value.slice(0, editor.selectionEnd)
  const top = 10 + (before.split('\n').length - 1) * 20
  if (top < box.scrollTop + 10) box.scrollTop = Math.max(0, top - 10)
  else if (top + 30 > box.scrollTop + box.clientHeight) box.scrollTop = top + 30 - box.clientHeight
}

// ---------------------------------------------------------------- running

/** What is to be run: what is selected, or all. */
function chosen() {
  const [start, end] = [editor.selectionStart, editor.selectionEnd]
  const text = editor.value
  const from = start !== end && text.slice(start, end).trim() !== '' ? start : 0
  const part = from === 0 && start === end ? text : text.slice(start, end)
  const base = part === text ? 0 : start
  return statements(part).map((found) => ({ ...found, start: found.start + base, end: found.end + base, text: part.slice(found.start, found.end) }))
}

async function send(list, signal) {
  const options = { method: 'POST', body: JSON.stringify(list.map(({ text }) => text)), signal, timeout: 0 }
  const transaction = $('transaction').checked ? '&transaction' : ''
  const query = `db=${encodeURIComponent(database())}&level=${$('level').value}&timings&blob_array&error_details${transaction}`
  try {
    return await json(`/db/request?${query}`, options)
  } catch (error) {
    // Somebody who may only read is let in there.
    if (error.status !== 401) throw error
    return json(`/db/query?${query}`, options)
  }
}

export async function run() {
  if (running) return
  const list = chosen()
  if (list.length === 0) {
    say($('summary'), 'There is nothing to run.')
    editor.focus()
    return
  }
  changed()
  running = new AbortController()
  busy(true)
  const began = performance.now()
  const entry = { sql: list.length === 1 ? list[0].text : editor.value.slice(list[0].start, list.at(-1).end), at: Date.now(), database: database() }
  try {
    const { document, servedBy } = await send(list, running.signal)
    const seconds = (performance.now() - began) / 1000
    if (document.error && !document.results?.length) throw new Error(document.error)
    take(list, document, { seconds, servedBy, level: $('level').value })
    const last = document.results.at(-1)
    const failed = document.results.some((result) => result.error) || Boolean(document.error)
    history.add({ ...entry, failed, rows: last?.columns ? (last.values?.length ?? 0) : undefined, changed: last?.rows_affected, seconds })
    if (list.some(({ word }) => ['CREATE', 'DROP', 'ALTER'].includes(word))) schema.refresh()
  } catch (error) {
    clear()
    const denied = error.status === 401
    if (denied && userName === null) $('sign-in').showModal()
    fail({ message: denied ? 'You may not run this here: it needs the permissions query and execute, or only query to read.' : error.message })
    say($('summary'), '')
    history.add({ ...entry, failed: true })
  } finally {
    running = null
    busy(false)
  }
}

function busy(is) {
  $('stop').hidden = !is
  $('run').disabled = is
  $('grid').setAttribute('aria-busy', is)
  if (is) say($('summary'), 'Running')
}

export function stop() {
  running?.abort()
  return running !== null
}

// ---------------------------------------------------------------- results

function take(list, document, about) {
  results = document.results.map((result, place) => ({ ...result, statement: list[place], about }))
  if (document.error) results.push({ error: document.error, about })
  const first = results.findIndex((result) => result.error)
  tabs(first === -1 ? results.length - 1 : first)
}

const title = (result) => {
  if (result.error) return 'error'
  if (result.columns) return plural(result.values?.length ?? 0, 'row')
  return result.rows_affected ? `${count(result.rows_affected)} changed` : 'done'
}

function tabs(place) {
  const list = $('result-tabs')
  list.hidden = results.length < 2
  list.replaceChildren(...results.map((result, at) => h('button', {
    type: 'button', role: 'tab', id: `result-${at}`, 'aria-controls': 'grid', onclick: () => choose(at),
  }, `${at + 1}  ${result.statement?.word ?? ''} · ${title(result)}`)))
  choose(place)
}

function choose(place) {
  current = results[place]
  ;[...$('result-tabs').children].forEach((tab, at) => {
    tab.setAttribute('aria-selected', at === place)
    tab.tabIndex = at === place ? 0 : -1
  })
  clear()
  show(current)
}

function clear() {
  $('error').hidden = true
  $('grid').hidden = true
  $('blank').hidden = false
  say($('blank'), '')
  for (const button of [$('copy-csv'), $('copy-json')]) button.hidden = true
}

function show(result) {
  if (result.error) return fail({ message: result.error, code: result.code, position: result.position, statement: result.statement })
  const { about } = result
  const inside = result.time === undefined ? '' : `${duration(result.time)} in the database, `
  const level = result.columns ? `, ${about.level}` : ''
  const served = about.servedBy ? ` · answered by ${about.servedBy}${level}` : ''
  say($('summary'), `${summary(result)} · ${inside}${duration(about.seconds)} in all${served}`)
  if (!result.columns) return say($('blank'), result.rows_affected ? `${plural(result.rows_affected, 'row')} changed.` : 'Done.')
  $('blank').hidden = true
  $('grid').hidden = false
  for (const button of [$('copy-csv'), $('copy-json')]) button.hidden = false
  return grid.show({ columns: result.columns, types: result.types ?? [], rows: result.values ?? [] })
}

function summary(result) {
  if (result.columns) return plural(result.values?.length ?? 0, 'row')
  const inserted = result.last_insert_id && result.statement?.word === 'INSERT' ? `, last id ${result.last_insert_id}` : ''
  return result.rows_affected ? `${plural(result.rows_affected, 'row')} changed${inserted}` : 'Done'
}

/** Where in the editor an error is. SQLite tells the place of most; of a missing table it tells the name. */
function locate({ message, position, statement }) {
  if (!statement) return null
  if (position) {
    const before = [...statement.text].slice(0, position - 1).join('').length
    const token = tokenAt(statement.text, before)
    if (token) return { start: statement.start + before, end: statement.start + Math.max(token.end, before + 1) }
  }
  if (message === 'incomplete input') return { start: statement.end - 1, end: statement.end }
  const named = /^no such (?:table|view|index|function|column): (?:.*\.)?(.+)$/.exec(message)?.[1]?.toLowerCase()
  if (!named) return null
  const strip = (text) => text.replace(/^["`[](.*)["`\]]$/s, '$1').replaceAll('""', '"').toLowerCase()
  const found = tokens(statement.text).filter(({ kind, start, end }) => kind === 'name' && strip(statement.text.slice(start, end)) === named)
  return found.length > 0 ? { start: statement.start + found[0].start, end: statement.start + found[0].end } : null
}

function fail({ message, code, position, statement }) {
  mark = locate({ message, position, statement })
  paint()
  const parts = [h('strong', {}, message)]
  const notes = [code ? h('span', { class: 'note' }, `SQLSTATE ${code}`) : null]
  if (mark) {
    const text = editor.value
    const start = text.lastIndexOf('\n', mark.start - 1) + 1
    const end = text.indexOf('\n', mark.start)
    const line = text.slice(start, end === -1 ? undefined : end)
    const column = [...text.slice(start, mark.start)].length
    const shift = Math.max(0, column - 60)
    const shown = [...line].slice(shift, shift + 120).join('').replaceAll('\t', ' ')
    const width = Math.max(1, Math.min([...text.slice(mark.start, mark.end)].length, [...line].length - column))
    parts.push(h('pre', { 'aria-hidden': 'true' }, `${shown}\n${' '.repeat(column - shift)}`, h('b', {}, '^'.repeat(width))))
    const where = `Line ${lineOf(text, mark.start)}, column ${column + 1}`
    notes.unshift(h('span', { class: 'note' }, where))
    notes.push(h('button', { type: 'button', onclick: goto }, 'Go to it'))
  }
  $('error').replaceChildren(...parts, h('p', {}, notes))
  $('error').hidden = false
  $('blank').hidden = false
  say($('summary'), current?.about ? `Failed after ${duration(current.about.seconds)}` : '')
}

function goto() {
  if (!mark) return
  editor.focus()
  editor.setSelectionRange(mark.start, mark.end)
  follow()
}

async function copyAs(format, button) {
  const text = format(current.columns, current.values ?? [])
  const label = button.textContent
  try {
    await copy(text)
    say($('summary'), `${plural((current.values ?? []).length, 'row')} copied.`)
  } catch (error) {
    say($('summary'), `Not copied: ${error.message}`)
  }
  button.textContent = label
}

// ---------------------------------------------------------------- the view

/** Tabs that the arrows move through. */
function arrows(list, act) {
  list.addEventListener('keydown', (event) => {
    const all = [...list.querySelectorAll('[role="tab"]')]
    const place = all.indexOf(document.activeElement)
    const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: all.length - 1 }[event.key]
    if (next === undefined || !all.length) return
    event.preventDefault()
    const tab = all[(next + all.length) % all.length]
    tab.focus()
    act(tab)
  })
}

function side(tab) {
  for (const other of $('side-tabs').children) {
    const is = other === tab
    other.setAttribute('aria-selected', is)
    other.tabIndex = is ? 0 : -1
    $(other.getAttribute('aria-controls')).hidden = !is
  }
}

/** The databases that there are; with only one there is nothing to choose. */
export function databases(names) {
  const select = $('database')
  const given = [...select.options].map((option) => option.value)
  if (names.join('\n') !== given.join('\n')) {
    const before = select.value
    select.replaceChildren(...names.map((name) => h('option', { value: name }, name)))
    select.value = names.includes(before) ? before : names[0]
  }
  $('database-choice').hidden = names.length < 2
}

const keep = (name, value) => {
  try {
    if (value === undefined) return localStorage.getItem(name)
    localStorage.setItem(name, value)
  } catch {
    // Storage is switched off.
  }
  return null
}

export function begin() {
  editor.value = keep('eider.draft') ?? ''
  editor.addEventListener('input', () => {
    if (putting) return
    history.forget()
    keep('eider.draft', editor.value)
    changed()
  })
  editor.addEventListener('keydown', key)
  for (const event of ['keyup', 'click', 'input']) editor.addEventListener(event, follow)
  $('run').addEventListener('click', run)
  $('stop').addEventListener('click', stop)
  $('level').value = LEVELS[keep('eider.level')] ? keep('eider.level') : 'linearizable'
  const level = () => {
    keep('eider.level', $('level').value)
    say($('level-note'), LEVELS[$('level').value])
  }
  $('level').addEventListener('change', level)
  level()
  $('database').addEventListener('change', () => schema.refresh(database()))
  $('copy-csv').addEventListener('click', (event) => copyAs(csv, event.currentTarget))
  $('copy-json').addEventListener('click', (event) => copyAs(jsonText, event.currentTarget))
  for (const tab of $('side-tabs').children) tab.addEventListener('click', () => side(tab))
  arrows($('side-tabs'), side)
  arrows($('result-tabs'), (tab) => tab.click())
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && stop()) event.preventDefault()
  })
  history.open(put)
  schema.begin({
    query: (table) => put(`SELECT * FROM ${quote(table)} LIMIT 100;`),
    insert: (name) => put(name, false),
  })
  say($('blank'), 'Ctrl and Enter runs what is in the editor, or what is selected of it. It is SQLite’s SQL, as over HTTP.')
  paint()
}

export function enter() {
  paint()
  return schema.refresh(database())
}
