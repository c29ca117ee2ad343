// Elements from data. Text only ever becomes text: nothing here, or anywhere, makes HTML of a string.

const SVG = 'http://www.w3.org/2000/svg'

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    // ARIA's states are the words true and false, where HTML's are there or not.
    if (value === undefined || value === null || (value === false && !name.startsWith('aria-'))) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name === 'value' || name === 'hidden' || name === 'disabled') element[name] = value
    else element.setAttribute(name, value === true && !name.startsWith('aria-') ? '' : String(value))
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children)
export const svg = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children)
export const $ = (id) => document.getElementById(id)

/** Sets an element's text, if it is another one: a live region speaks when it changes. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text
}

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
export const count = (number) => grouped.format(number)
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`

/** A number alone wouldn't be known for a name. */
export const called = (name) => (/^\d+$/.test(name) ? `node ${name}` : name)

/** With about three digits. */
export function brief(number) {
  if (number >= 999500) return `${(number / 1e6).toFixed(number < 9.95e6 ? 1 : 0)}M`
  if (number >= 9995) return `${(number / 1e3).toFixed(number < 99500 ? 1 : 0)}k`
  if (number >= 100 || Number.isInteger(number)) return count(number)
  return number.toFixed(number < 10 ? 1 : 0)
}

export function bytes(size) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  while (size >= 1024 && unit + 1 < units.length) {
    size /= 1024
    unit += 1
  }
  return `${size >= 100 || unit === 0 || Number.isInteger(size) ? Math.round(size) : size.toFixed(1)} ${units[unit]}`
}

export function duration(seconds) {
  if (seconds >= 100) return `${Math.round(seconds)} s`
  if (seconds >= 1) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`
  const milliseconds = seconds * 1000
  if (milliseconds >= 1) return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`
  if (seconds === 0) return '0'
  return `${Math.max(1, Math.round(seconds * 1e6))} µs`
}

/** Puts text on the clipboard; without a secure context by way of a selection. */
export async function copy(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text)
    return
  }
  const holder = h('textarea', { class: 'away', 'aria-hidden': 'true', value: text })
  const before = document.activeElement
  document.body.append(holder)
  holder.select()
  const copied = document.execCommand('copy')
  holder.remove()
  before?.focus()
  if (!copied) throw new Error('the browser refused to copy')
}
