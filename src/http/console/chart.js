// Lines over the last minutes, as SVG. A chart is given its points; it keeps none.

import { h, svg } from './dom.js'

const [HEIGHT, LEFT, TOP, BOTTOM] = [150, 44, 8, 18]
/** What a chart may span, in seconds. */
const SPANS = [60, 120, 300]
/** Labels on the axis of time. */
const TICKS = 5

/** Rounds up so that three steps have round numbers. */
function ceiling(value, base) {
  if (value <= 0) return base === 1024 ? 1024 : 1
  const unit = base ** Math.floor(Math.log(value) / Math.log(base))
  const steps = base === 1024 ? [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] : [1, 2, 3, 4, 5, 6, 8, 10]
  return unit * (steps.find((step) => unit * step >= value) ?? base)
}

export class Chart {
  /** `format` shows a value; `base` is that of round numbers; the axis goes up to `least` at least. */
  constructor({ title, format, base = 10, least = 0, area = false }) {
    Object.assign(this, { title, format, base, least, area, aside: '', span: SPANS[0], points: [], series: [], at: null })
    this.keys = h('div', { class: 'chart-head' }, h('h3', {}, title))
    this.svg = svg('svg', { tabindex: '0', role: 'img' })
    this.element = h('section', { class: 'chart', 'aria-label': title }, this.keys, this.svg)
    this.svg.addEventListener('pointermove', (event) => this.point(event.clientX - this.svg.getBoundingClientRect().left))
    this.svg.addEventListener('pointerleave', () => this.choose(null))
    this.svg.addEventListener('blur', () => this.choose(null))
    this.svg.addEventListener('keydown', (event) => this.key(event))
    new ResizeObserver(() => this.draw()).observe(this.svg)
  }

  /** `points`: `[{time, values}]`, times in seconds, ascending; a value may be `null`. `aside`: more to say. */
  show(series, points, now, aside = '') {
    // A page that was just opened has a short past.
    const past = points.length > 0 ? now - points[0].time : 0
    Object.assign(this, { series, points, now, aside, span: SPANS.find((span) => span >= past) ?? SPANS.at(-1) })
    this.draw()
  }

  key(event) {
    const last = this.points.length - 1
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -15, PageDown: 15 }[event.key]
    if (step) this.choose(Math.max(0, Math.min(last, (this.at ?? last + (step < 0 ? 1 : 0)) + step)))
    else if (event.key === 'Home') this.choose(0)
    else if (event.key === 'End') this.choose(last)
    else if (event.key === 'Escape') this.choose(null)
    else return
    event.preventDefault()
  }

  point(x) {
    const time = this.now - this.span * (1 - (x - LEFT) / (this.width - LEFT))
    let best = null
    this.points.forEach((point, place) => {
      if (best === null || Math.abs(point.time - time) < Math.abs(this.points[best].time - time)) best = place
    })
    this.choose(best)
  }

  choose(place) {
    this.at = place !== null && this.points[place] ? place : null
    this.draw()
  }

  draw() {
    const width = this.svg.clientWidth
    if (!width) return
    this.width = width
    const shown = this.points[this.at ?? this.points.length - 1]
    const value = (number) => (number === null || number === undefined ? '–' : this.format(number))
    const keys = this.series.map(({ name }, place) =>
      h('span', { class: `key ink-${Math.min(place, 4)}` }, name, h('b', {}, value(shown?.values[place]))))
    const beside = this.at === null ? this.aside : `${Math.round(this.now - shown.time)} s ago`
    const age = beside ? h('span', { class: 'note' }, beside) : null
    this.keys.replaceChildren(this.keys.firstChild, ...keys, ...(age ? [age] : []))
    const spoken = this.series.map(({ name }, place) => `${name} ${value(shown?.values[place])}`).join(', ')
    this.svg.setAttribute('aria-label', `${this.title}: ${spoken || 'no figures yet'}`)
    this.svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`)
    this.svg.replaceChildren(...this.frame(width), ...this.curves(width), ...this.cross(width))
  }

  x(time) {
    return LEFT + (this.width - LEFT) * (1 - (this.now - time) / this.span)
  }

  y(number) {
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - number / this.top)
  }

  frame(width) {
    this.top = ceiling(Math.max(this.least, ...this.points.flatMap((point) => point.values.map((number) => number ?? 0))), this.base)
    const parts = []
    for (const share of [0, 0.5, 1]) {
      const y = Math.round(this.y(this.top * share)) + 0.5
      parts.push(svg('line', { class: 'rule', x1: LEFT, x2: width, y1: y, y2: y }))
      parts.push(svg('text', { x: LEFT - 8, y: y + 4, 'text-anchor': 'end' }, share === 0 ? '0' : this.format(this.top * share)))
    }
    for (let tick = 0; tick < TICKS; tick += 1) {
      const anchor = tick === 0 ? 'start' : tick === TICKS - 1 ? 'end' : 'middle'
      const x = LEFT + ((width - LEFT) * tick) / (TICKS - 1)
      const age = Math.round(this.span * (1 - tick / (TICKS - 1)))
      parts.push(svg('text', { x, y: HEIGHT - 2, 'text-anchor': anchor }, age === 0 ? 'now' : `−${age} s`))
    }
    return parts
  }

  curves() {
    return this.series.flatMap((_, place) => {
      const runs = [[]]
      for (const point of this.points) {
        const number = point.values[place]
        const x = this.x(point.time)
        if (number === null || number === undefined || x < LEFT - 4) {
          if (runs.at(-1).length > 0) runs.push([])
        } else runs.at(-1).push([Math.max(LEFT, x).toFixed(1), this.y(number).toFixed(1)])
      }
      const ink = `ink-${Math.min(place, 4)}`
      return runs.filter((run) => run.length > 0).flatMap((run) => {
        const line = run.map((pair) => pair.join(' ')).join('L')
        const curve = svg('path', { class: `curve ${ink}`, d: run.length > 1 ? `M${line}` : `M${line}h.1` })
        if (!this.area) return [curve]
        const floor = this.y(0)
        return [svg('path', { class: `area ${ink}`, d: `M${run[0][0]} ${floor}L${line}L${run.at(-1)[0]} ${floor}z` }), curve]
      })
    })
  }

  cross() {
    const point = this.at === null ? null : this.points[this.at]
    if (!point) return []
    const x = this.x(point.time)
    const dots = point.values.map((number, place) => number === null || number === undefined ? null
      : svg('circle', { class: `ink-${Math.min(place, 4)}`, cx: x, cy: this.y(number), r: 3 }))
    return [svg('line', { class: 'cross', x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }), ...dots.filter(Boolean)]
  }
}
