// Tables, their columns and indexes, as a tree. All of it comes from queries, as anybody could send them.

import { json } from './api.js'
import { $, h, plural, svg } from './dom.js'
import { quoted } from './lexer.js'

const OWN = String.raw`m.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND m.name NOT LIKE '\_eider\_%' ESCAPE '\'`
const QUERIES = [
  `SELECT m.name, m.type FROM sqlite_schema m WHERE m.type IN ('table', 'view') AND ${OWN} ORDER BY m.name COLLATE NOCASE`,
  `SELECT m.name, c.name, c.type, c."notnull", c.pk, c.hidden FROM sqlite_schema m, pragma_table_xinfo(m.name) c WHERE m.type = 'table' AND ${OWN} AND c.hidden <> 1`,
  `SELECT m.name, i.name, i."unique", i.origin, (SELECT group_concat(coalesce(k.name, 'an expression'), ', ') FROM pragma_index_info(i.name) k) FROM sqlite_schema m, pragma_index_list(m.name) i WHERE m.type = 'table' AND ${OWN}`,
  `SELECT m.name, f."from", f."table", f."to" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table' AND ${OWN}`,
  'SELECT t.name, c.name, c.stored, c.type_oid FROM _eider_table t JOIN _eider_column c ON c.table_name = t.name WHERE t.from_postgres',
  `SELECT m.name, c.name, c.type, 0, 0, 0 FROM sqlite_schema m, pragma_table_xinfo(m.name) c WHERE m.type = 'view' AND ${OWN}`,
]
/** PostgreSQL's types by OID (manual, pg_type), for columns that were made through PostgreSQL. */
const TYPES = {
  16: 'boolean', 17: 'bytea', 18: '"char"', 19: 'name', 20: 'bigint', 21: 'smallint', 23: 'integer', 25: 'text', 26: 'oid', 114: 'json',
  700: 'real', 701: 'double precision', 869: 'inet', 1000: 'boolean[]', 1007: 'integer[]', 1009: 'text[]', 1016: 'bigint[]', 1042: 'character',
  1043: 'varchar', 1082: 'date', 1083: 'time', 1114: 'timestamp', 1184: 'timestamptz', 1186: 'interval', 1266: 'timetz', 1700: 'numeric',
  2950: 'uuid', 3802: 'jsonb',
}

let tables = []
let database = ''
let actions = { query: () => {}, insert: () => {} }
const open = new Set()

/** The tables, from the rows of the queries above. */
export function gather([names, columns, indexes, keys, types, viewed]) {
  const known = new Map(names.map(([name, type]) => [name, { name, type, columns: [], indexes: [] }]))
  const referred = new Map(keys.map(([table, from, to, column]) => [`${table}\n${from}`, column ? `${to}.${column}` : to]))
  const typed = new Map(types.map(([table, name, stored, oid]) => [`${table}\n${stored ?? name}`, TYPES[oid]]))
  for (const [table, name, declared, notNull, key, hidden] of [...columns, ...viewed]) {
    const id = `${table}\n${name}`
    const type = typed.get(id) ?? declared.toLowerCase()
    const notes = [key ? 'primary key' : '', notNull && !key ? 'not null' : '', hidden > 1 ? 'generated' : '', referred.has(id) ? `references ${referred.get(id)}` : '']
    known.get(table)?.columns.push({ name, type, key: key > 0, notes: notes.filter(Boolean) })
  }
  for (const [table, name, unique, origin, parts] of indexes) {
    const notes = [origin === 'pk' ? 'primary key' : unique ? 'unique' : '', `on ${parts}`]
    known.get(table)?.indexes.push({ name, columns: parts, notes: notes.filter(Boolean), unique })
  }
  return [...known.values()]
}

export async function refresh(name = database) {
  database = name
  const note = $('schema-note')
  try {
    const path = `/db/query?level=none&db=${encodeURIComponent(database)}`
    const { document } = await json(path, { method: 'POST', body: JSON.stringify(QUERIES) })
    if (document.error) throw new Error(document.error)
    const [listed] = document.results
    if (listed.error) throw new Error(listed.error)
    // A view whose table is gone has no columns; the rest is still there.
    tables = gather(document.results.map((result) => result.values ?? []))
    note.textContent = tables.length === 0 ? 'There are no tables yet.' : ''
  } catch (error) {
    tables = []
    note.textContent = error.status === 401 ? 'The schema needs the permission query.' : `The schema could not be read: ${error.message}`
  }
  draw()
}

const twist = () => svg('svg', { class: 'twist', viewBox: '0 0 8 8', 'aria-hidden': 'true' }, svg('path', { d: 'M2.5 1 5.5 4 2.5 7' }))

function leaf(id, name, type, notes, act) {
  const item = h('li', { role: 'treeitem', 'data-id': id, tabindex: '-1', title: [name, ...notes].join(', ') },
    h('div', { class: 'row' }, h('span', { class: 'name' }, name), h('span', { class: 'type' }, type)))
  item.act = act
  return item
}

function branch(table, filter) {
  const id = table.name
  const fits = (text) => text.toLowerCase().includes(filter)
  const all = !filter || fits(table.name)
  const columns = table.columns.filter(({ name }) => all || fits(name))
  const indexes = table.indexes.filter(({ name }) => all || fits(name))
  if (!all && columns.length === 0 && indexes.length === 0) return null
  const expanded = open.has(id) || !all
  const children = expanded
    ? [...columns.map((column) => leaf(`${id}\nc${column.name}`, column.name, `${column.type}${column.key ? ' key' : ''}`, [column.type, ...column.notes], () => actions.insert(quoted(column.name)))),
      indexes.length > 0 ? h('li', { role: 'none' }, h('p', { class: 'row group' }, plural(indexes.length, 'index', 'indexes'))) : null,
      ...indexes.map((index) => leaf(`${id}\ni${index.name}`, index.name, `${index.unique ? 'unique ' : ''}(${index.columns})`, index.notes, () => actions.insert(quoted(index.name))))]
    : []
  const row = h('div', { class: 'row' }, twist(), h('span', { class: 'name' }, table.name), h('span', { class: 'type' }, table.type === 'view' ? 'view' : ''))
  const item = h('li', { role: 'treeitem', 'data-id': id, 'aria-expanded': expanded, tabindex: '-1', title: `${table.name}: Enter writes a query` }, row,
    expanded ? h('ul', { role: 'group' }, children) : null)
  row.addEventListener('click', () => turn(id, !expanded))
  row.addEventListener('dblclick', () => actions.query(table.name))
  item.act = () => actions.query(table.name)
  return item
}

function items() {
  return [...$('tree').querySelectorAll('[role="treeitem"]')]
}

function draw(focused) {
  const filter = $('schema-filter').value.trim().toLowerCase()
  const had = focused ?? ($('tree').contains(document.activeElement) ? document.activeElement.dataset.id : null)
  $('tree').replaceChildren(...tables.map((table) => branch(table, filter)).filter(Boolean))
  $('tree').hidden = tables.length === 0
  const target = items().find((item) => item.dataset.id === had)
  const entry = target ?? items()[0]
  if (entry) entry.tabIndex = 0
  target?.focus()
}

function turn(id, expanded) {
  if (expanded) open.add(id)
  else open.delete(id)
  draw(id)
}

function focus(item) {
  if (!item) return
  for (const other of items()) other.tabIndex = -1
  item.tabIndex = 0
  item.focus()
}

function key(event) {
  const item = event.target.closest('[role="treeitem"]')
  if (!item) return
  const all = items()
  const place = all.indexOf(item)
  const expanded = item.getAttribute('aria-expanded')
  if (event.key === 'ArrowDown') focus(all[place + 1])
  else if (event.key === 'ArrowUp') focus(all[place - 1])
  else if (event.key === 'Home') focus(all[0])
  else if (event.key === 'End') focus(all.at(-1))
  else if (event.key === 'ArrowRight') {
    if (expanded === 'false') turn(item.dataset.id, true)
    else if (expanded === 'true') focus(all[place + 1])
  } else if (event.key === 'ArrowLeft') {
    if (expanded === 'true') turn(item.dataset.id, false)
    else if (expanded === null) focus(item.parentElement.closest('[role="treeitem"]'))
  } else if (event.key === 'Enter') item.act?.()
  else return
  event.preventDefault()
}

/** `query` writes a query of a table; `insert` puts a name where the editor's caret is. */
export function begin(given) {
  actions = given
  $('tree').addEventListener('keydown', key)
  $('tree').addEventListener('dblclick', (event) => {
    const item = event.target.closest('[role="treeitem"]')
    if (item && !item.hasAttribute('aria-expanded')) item.act?.()
  })
  $('tree').addEventListener('click', (event) => {
    const item = event.target.closest('[role="treeitem"]')
    if (item && !item.hasAttribute('aria-expanded')) focus(item)
  })
  $('schema-filter').addEventListener('input', () => draw())
  $('schema-refresh').addEventListener('click', () => refresh())
}
