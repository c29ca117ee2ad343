// A table of any length: only the rows in sight are there. One cell is the chosen one; the arrows move it.

import { $, copy, h } from './dom.js'
import { write } from './json.js'

const ROW = 28
/** What surrounds a cell's text, and how wide a column may be at first, in pixels. */
const [PADDING, NARROW, WIDE] = [24, 64, 380]
/** Rows beyond the edges that are there already. */
const MARGIN = 12
/** Characters of a value in its cell. */
const SHOWN = 300
/** Rows whose values decide how wide a column is. */
const SAMPLED = 200

const hex = (blob) => blob.map((byte) => byte.toString(16).padStart(2, '0')).join('')

/** A value as text: BLOBs come as arrays of numbers. */
export function text(value) {
  if (value === null) return 'NULL'
  if (Array.isArray(value)) return `x'${hex(value)}'`
  return typeof value === 'string' ? value : String(value)
}

export function kind(value) {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'blob'
  return typeof value === 'number' || typeof value === 'bigint' ? 'digits' : 'text'
}

/** As in RFC 4180; NULL is nothing, and an empty text is a pair of quotes. */
export function csv(columns, rows) {
  const field = (value) => {
    if (value === null) return ''
    const shown = Array.isArray(value) ? `\\x${hex(value)}` : String(value)
    return shown === '' || /[",\r\n]|^\s|\s$/.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown
  }
  return [columns, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('')
}

/** An array of objects; of equal names the later ones are numbered. */
export function jsonText(columns, rows) {
  const used = new Set()
  const names = columns.map((column) => {
    let name = column
    for (let number = 2; used.has(name); number += 1) name = `${column}_${number}`
    used.add(name)
    return name
  })
  const shown = (value) => write(Array.isArray(value) ? `\\x${hex(value)}` : value)
  const row = (values) => `  {${names.map((name, at) => `${JSON.stringify(name)}: ${shown(values[at])}`).join(', ')}}`
  return rows.length > 0 ? `[\n${rows.map(row).join(',\n')}\n]\n` : '[]\n'
}

export class Grid {
  constructor(element) {
    this.element = element
    this.lines = new Map()
    element.addEventListener('scroll', () => this.schedule())
    element.addEventListener('keydown', (event) => this.key(event))
    element.addEventListener('click', (event) => this.click(event))
    element.addEventListener('dblclick', () => this.inspect())
    new ResizeObserver(() => this.schedule()).observe(element)
    $('cell-copy').addEventListener('click', () => copy($('cell-text').textContent))
  }

  show({ columns, types, rows }) {
    Object.assign(this, { columns, types, rows, chosen: [0, 0] })
    this.lines.clear()
    const tracks = this.widths().map((width) => `${Math.ceil(width)}px`)
    this.element.style.setProperty('--columns', `${tracks.join(' ')} minmax(0, 1fr)`)
    const heads = columns.map((name, at) => h('div', { role: 'columnheader', 'aria-colindex': at + 2, title: name },
      name, h('span', { class: 'kind' }, types[at] || '\u00a0')))
    this.head = h('div', { class: 'head', role: 'row', 'aria-rowindex': 1 },
      h('div', { class: 'place', role: 'columnheader', 'aria-colindex': 1 }, h('span', { class: 'away' }, 'Row')), heads)
    this.body = h('div', { class: 'body', role: 'rowgroup' })
    this.body.style.height = `${rows.length * ROW}px`
    this.element.setAttribute('aria-rowcount', rows.length + 1)
    this.element.setAttribute('aria-colcount', columns.length + 1)
    this.element.replaceChildren(this.head, this.body)
    this.element.scrollTo(0, 0)
    this.paint()
  }

  /** The columns' widths, that of the rows' numbers first. */
  widths() {
    const style = getComputedStyle(this.element)
    const pen = document.createElement('canvas').getContext('2d')
    const measured = (shown, weight = 400) => {
      pen.font = `${weight} ${style.fontSize} ${style.fontFamily}`
      return pen.measureText(shown).width
    }
    // Digits stand below each other, all equally wide, which a canvas doesn't know of.
    const probe = h('span', { class: 'digits' }, '0'.repeat(20))
    this.element.append(probe)
    const digit = probe.getBoundingClientRect().width / 20
    probe.remove()
    const width = (value) => {
      const shown = text(value).slice(0, 80)
      return Math.max(measured(shown), kind(value) === 'text' ? 0 : shown.length * digit)
    }
    const sample = this.rows.slice(0, SAMPLED)
    const columns = this.columns.map((name, at) => {
      const heads = [measured(name, 600), measured(this.types[at] ?? '')]
      return Math.min(Math.max(NARROW, ...heads, ...sample.map((row) => width(row[at]))) + PADDING, WIDE)
    })
    return [String(this.rows.length).length * digit + PADDING + digit, ...columns]
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined
      this.paint()
    })
  }

  paint() {
    if (!this.body || this.element.hidden) return
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - MARGIN)
    const end = Math.min(this.rows.length, Math.ceil((this.element.scrollTop + this.element.clientHeight) / ROW) + MARGIN)
    for (const [place, line] of this.lines) {
      if (place >= first && place < end) continue
      line.remove()
      this.lines.delete(place)
    }
    const fresh = []
    for (let place = first; place < end; place += 1) {
      if (this.lines.has(place)) continue
      const line = this.line(place)
      this.lines.set(place, line)
      fresh.push(line)
    }
    this.body.append(...fresh)
    this.mark()
  }

  line(place) {
    const cells = this.rows[place].map((value, at) => {
      const is = kind(value)
      const shown = text(value).slice(0, SHOWN).replace(/\r?\n/g, ' ⏎ ')
      return h('div', { role: 'gridcell', class: is === 'text' ? null : is, 'aria-colindex': at + 2, id: `cell-${place}-${at}` }, shown)
    })
    const line = h('div', { class: 'line', role: 'row', 'aria-rowindex': place + 2 },
      h('div', { class: 'place', role: 'rowheader', 'aria-colindex': 1 }, String(place + 1)), cells)
    line.style.top = `${place * ROW}px`
    return line
  }

  mark() {
    this.element.querySelector('.chosen')?.classList.remove('chosen')
    const [row, column] = this.chosen
    const cell = this.lines.get(row)?.children[column + 1]
    cell?.classList.add('chosen')
    if (cell) this.element.setAttribute('aria-activedescendant', cell.id)
    else this.element.removeAttribute('aria-activedescendant')
  }

  choose(row, column) {
    this.chosen = [Math.max(0, Math.min(this.rows.length - 1, row)), Math.max(0, Math.min(this.columns.length - 1, column))]
    const top = this.chosen[0] * ROW
    const height = this.element.clientHeight - this.head.offsetHeight
    if (top < this.element.scrollTop) this.element.scrollTop = top
    else if (top + ROW > this.element.scrollTop + height) this.element.scrollTop = top + ROW - height
    this.paint()
    const cell = this.lines.get(this.chosen[0])?.children[this.chosen[1] + 1]
    if (!cell) return
    const gutter = this.head.firstChild.offsetWidth
    if (cell.offsetLeft - gutter < this.element.scrollLeft) this.element.scrollLeft = cell.offsetLeft - gutter
    else if (cell.offsetLeft + cell.offsetWidth > this.element.scrollLeft + this.element.clientWidth) {
      this.element.scrollLeft = cell.offsetLeft + cell.offsetWidth - this.element.clientWidth
    }
  }

  key(event) {
    if (!this.rows?.length) return
    const [row, column] = this.chosen
    const far = event.ctrlKey || event.metaKey
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 2)
    const moves = {
      ArrowUp: [far ? 0 : row - 1, column],
      ArrowDown: [far ? Infinity : row + 1, column],
      ArrowLeft: [row, far ? 0 : column - 1],
      ArrowRight: [row, far ? Infinity : column + 1],
      PageUp: [row - page, column],
      PageDown: [row + page, column],
      Home: [far ? 0 : row, 0],
      End: [far ? Infinity : row, Infinity],
    }
    if (moves[event.key] && !event.altKey) this.choose(...moves[event.key])
    else if (event.key === 'Enter' && !far) this.inspect()
    else if (far && event.key === 'c' && !window.getSelection()?.toString()) copy(this.value())
    else return
    event.preventDefault()
  }

  value() {
    const [row, column] = this.chosen
    const value = this.rows[row][column]
    return value === null ? '' : text(value)
  }

  click(event) {
    const line = event.target.closest('.line')
    const cell = event.target.closest('[role="gridcell"]')
    if (!line || !cell) return
    this.choose(Number(line.getAttribute('aria-rowindex')) - 2, Number(cell.getAttribute('aria-colindex')) - 2)
  }

  /** The whole value of the chosen cell. */
  inspect() {
    if (!this.rows?.length) return
    const [row, column] = this.chosen
    const value = this.rows[row][column]
    const length = Array.isArray(value) ? `${value.length} bytes` : typeof value === 'string' ? `${[...value].length} characters` : ''
    $('cell-title').textContent = this.columns[column]
    $('cell-note').textContent = [`Row ${row + 1}`, value === null ? 'NULL' : this.types[column], length].filter(Boolean).join(', ')
    $('cell-text').textContent = text(value)
    $('cell').showModal()
  }
}
