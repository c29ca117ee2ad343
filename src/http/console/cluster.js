// The cluster's map, its verdict, its databases, and the charts.

import { Chart } from './chart.js'
import { $, brief, bytes, called, count, duration, h, plural, say, svg } from './dom.js'
import { buckets, quantile, value } from './metrics.js'

/** Readings are kept so long, in seconds: what a chart shows at the most. */
const SPAN = 300
/** Times are quantiles of what came within so many seconds. */
const WINDOW = 15
/** A node that lacks no more entries than this is in step, as the server has it. */
const IN_STEP = 100

const charts = {
  rates: new Chart({ title: 'Statements per second', format: brief, least: 10 }),
  times: new Chart({ title: 'Time per statement', format: duration }),
  log: new Chart({ title: 'Log', format: bytes, base: 1024, area: true }),
  lag: new Chart({ title: 'Entries behind the leader', format: brief, least: 10 }),
}
const readings = []

export function open() {
  $('charts').replaceChildren(...Object.values(charts).map((chart) => chart.element))
  new ResizeObserver(link).observe($('map'))
}

/** What there is to say of each node, from an answer of `/nodes?details`. */
export function judge(nodes) {
  return nodes.map((node) => {
    const behind = node.behind ?? null
    const receiving = node.receiving_snapshot
    const share = behind !== null && node.applied_index > 0 ? node.applied_index / (node.applied_index + behind) : 0
    const about = { node, behind, share }
    if (!node.reachable) return { ...about, state: 'down', words: 'Down', why: node.error }
    if (receiving) {
      const got = receiving.bytes / receiving.of
      return { ...about, state: 'behind', words: `Receiving a snapshot, ${Math.floor(got * 100)} %`, share: got }
    }
    if (node.leader) return { ...about, state: 'good', words: 'Leads' }
    if (behind === null) return { ...about, state: 'good', words: 'Up' }
    if (behind > IN_STEP) return { ...about, state: 'behind', words: `${plural(behind, 'entry', 'entries')} behind` }
    return { ...about, state: 'good', words: 'In step' }
  })
}

function fact(name, ...held) {
  const given = held.filter((part) => part !== undefined && part !== null && part !== '')
  return given.length > 0 ? [h('dt', {}, name), h('dd', {}, ...given)] : []
}

function card({ node, state, words, why, behind, share }, me) {
  const role = node.leader ? 'Leader' : node.voter ? 'Follower' : 'Read-only'
  const mine = node.id === me
  const link = node.api_addr && !mine && state !== 'down'
    ? h('a', { href: `${node.api_addr}/console/` }, node.http_addr) : node.http_addr
  const mono = (text) => text && h('span', { class: 'mono' }, text)
  const round = mine ? 'this console’s node' : node.time === undefined ? null : `answers in ${duration(node.time)}`
  const version = [node.eider_version, round].filter(Boolean).join(', ')
  const applied = node.applied_index === undefined ? null
    : `${count(node.applied_index)} applied of ${count(node.commit_index)} committed`
  return h('li', { class: `node${node.leader ? ' leads' : ''}`, 'data-state': state, 'data-node': node.id },
    h('div', { class: 'node-head' }, h('span', { class: 'dot', 'aria-hidden': 'true' }),
      h('span', { class: 'node-name' }, node.id), h('span', { class: 'tag' }, role), h('span', { class: 'node-state' }, words)),
    h('div', { class: 'track', 'aria-hidden': 'true' }, bar(share)),
    h('dl', { class: 'facts' },
      fact('Problem', why),
      fact('Log', applied),
      fact('Lag', node.leader || behind === null ? null : plural(behind, 'entry', 'entries')),
      fact('HTTP', mono(link)), fact('Raft', mono(node.addr)), fact('PostgreSQL', mono(node.pg_addr)),
      fact('Version', version || null)))
}

function bar(share) {
  const filled = h('i')
  filled.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`
  return filled
}

/** Puts new cards in the place of the old ones; the focus stays where it was. */
function seat(list, cards) {
  const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null
  list.replaceChildren(...cards)
  if (focused) [...list.querySelectorAll('a')].find((link) => link.getAttribute('href') === focused)?.focus()
}

/** The states of the cluster, in the words of the style sheet. */
const STATES = { healthy: 'good', degraded: 'degraded', down: 'bad' }

export function show({ nodes, health }, me) {
  const judged = judge(nodes)
  const leader = judged.find(({ node }) => node.leader)
  const others = judged.filter((one) => one !== leader)
  $('map').classList.toggle('leaderless', !leader)
  seat($('leader'), leader ? [card(leader, me)] : [])
  seat($('followers'), others.map((one) => card(one, me)))
  $('verdict').dataset.state = STATES[health.state] ?? 'unknown'
  say($('verdict-title'), health.title)
  say($('verdict-text'), health.text)
  link()
  return { judged, title: health.title }
}

/** Lines from the leader to the others. */
function link() {
  const lines = $('links')
  const from = $('leader').firstElementChild
  if (!from) return lines.replaceChildren()
  const origin = $('map').getBoundingClientRect()
  const start = from.getBoundingClientRect()
  const [x1, y1] = [start.right - origin.left, start.top + start.height / 2 - origin.top]
  lines.replaceChildren(...[...$('followers').children].flatMap((node) => {
    const end = node.getBoundingClientRect()
    const [x2, y2] = [end.left - origin.left, end.top + end.height / 2 - origin.top]
    const state = node.dataset.state
    const middle = (x1 + x2) / 2
    return [svg('path', { 'data-state': state, d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}` }),
      svg('circle', { 'data-state': state, cx: x2, cy: y2, r: 3.5 })]
  }))
  return lines.append(svg('circle', { cx: x1, cy: y1, r: 3.5 }))
}

/** Takes a reading: samples of `/metrics`, and what was judged of the nodes. */
export function read(samples, judged, time) {
  const kinds = ['read', 'write']
  readings.push({
    time,
    uptime: value(samples, 'eider_uptime_seconds'),
    buckets: Object.fromEntries(kinds.map((kind) => [kind, buckets(samples, kind)])),
    counts: kinds.map((kind) => value(samples, 'eider_statement_duration_seconds_count', { kind }) ?? 0),
    failed: value(samples, 'eider_statements_failed_total') ?? 0,
    log: value(samples, 'eider_raft_log_bytes') ?? 0,
    committed: value(samples, 'eider_raft_commit_index') ?? 0,
    behind: Object.fromEntries(judged.map(({ node, behind, state }) => [node.id, state === 'down' ? null : behind])),
  })
  while (readings[0].time < time - SPAN - WINDOW) readings.shift()
}

/** The reading before one that lies about `age` seconds back in the same life of the node. */
function before(place, age) {
  let found = null
  for (let back = place - 1; back >= 0; back -= 1) {
    if (readings[back].uptime > readings[back + 1].uptime) break
    if (readings[place].time - readings[back].time > 3 * WINDOW) break
    found = readings[back]
    if (readings[place].time - found.time >= age) break
  }
  return found
}

const rate = (now, then, name) => {
  const [a, b] = name === undefined ? [now, then] : [now[name], then[name]]
  return Math.max(0, a - b)
}

export function draw(judged, me) {
  const now = readings.at(-1)
  if (!now) return
  const rates = []
  const times = []
  const growth = []
  readings.forEach((reading, place) => {
    const last = before(place, 0)
    const past = before(place, WINDOW)
    if (!last) return
    const seconds = reading.time - last.time
    const failed = rate(reading, last, 'failed') / seconds
    rates.push({ time: reading.time, values: [...[1, 0].map((kind) => rate(reading.counts[kind], last.counts[kind]) / seconds), failed] })
    const at = (kind, share) => quantile(past.buckets[kind], reading.buckets[kind], share)
    times.push({ time: reading.time, values: [at('write', 0.99), at('read', 0.99), at('write', 0.5)] })
    growth.push(rate(reading, past, 'committed') / (reading.time - past.time))
  })
  charts.rates.show([{ name: 'Writes' }, { name: 'Reads' }, { name: 'Failed' }], rates, now.time)
  charts.times.show([{ name: 'Writes, p99' }, { name: 'Reads, p99' }, { name: 'Writes, median' }], times, now.time)
  const log = readings.map(({ time, log: size }) => ({ time, values: [size] }))
  charts.log.show([{ name: 'Size' }], log, now.time, growth.length > 0 ? `${brief(growth.at(-1))} entries per second` : '')
  const followers = judged.filter(({ node }) => !node.leader).map(({ node }) => node.id)
  const lag = readings.map(({ time, behind }) => ({ time, values: followers.map((id) => behind[id] ?? null) }))
  charts.lag.show(followers.map((id) => ({ name: called(id) })), lag, now.time)
  say($('charts-note'), me ? `Statements and log as ${called(me)} sees them: its own clients. Each node has a console of its own.` : '')
}

export function databases(found) {
  const rows = Object.entries(found).map(([name, about]) => {
    const transactions = Number(String(about.position).split('/')[0])
    const figures = [bytes(about.size), bytes(about.wal_size), Number.isNaN(transactions) ? about.position : count(transactions), count(about.waiting)]
    return h('tr', {}, h('th', { scope: 'row' }, name), figures.map((figure) => h('td', { class: 'number' }, figure)))
  })
  $('databases').replaceChildren(...rows)
}
