// Prometheus's text format, and what the charts need of it.

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g

/** Samples by name: `[{labels, value}]`. */
export function parse(text) {
  const samples = new Map()
  for (const line of text.split('\n')) {
    const found = line.startsWith('#') ? null : SAMPLE.exec(line)
    if (!found) continue
    const labels = {}
    for (const [, name, value] of (found[2] ?? '').matchAll(LABEL)) {
      labels[name] = value.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped))
    }
    if (!samples.has(found[1])) samples.set(found[1], [])
    samples.get(found[1]).push({ labels, value: Number(found[3]) })
  }
  return samples
}

export function value(samples, name, labels = {}) {
  const fits = (sample) => Object.entries(labels).every(([label, wanted]) => sample.labels[label] === wanted)
  return samples.get(name)?.find(fits)?.value
}

/** The cumulative buckets of one kind of statement: `[[bound, count]]`. */
export function buckets(samples, kind) {
  const all = samples.get('eider_statement_duration_seconds_bucket') ?? []
  return all.filter((sample) => sample.labels.kind === kind)
    .map((sample) => [sample.labels.le === '+Inf' ? Infinity : Number(sample.labels.le), sample.value])
}

/** A quantile of what came between two readings; `null` if nothing did. Linear within a bucket. */
export function quantile(before, after, share) {
  const grown = after.map(([bound, count], at) => [bound, count - (before[at]?.[1] ?? 0)])
  const total = grown.at(-1)?.[1] ?? 0
  if (total <= 0) return null
  const rank = share * total
  let [below, reached] = [0, 0]
  for (const [bound, count] of grown) {
    if (count >= rank) {
      if (bound === Infinity) return below
      return count === reached ? bound : below + ((bound - below) * (rank - reached)) / (count - reached)
    }
    ;[below, reached] = [bound, count]
  }
  return below
}
