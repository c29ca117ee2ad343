// JSON whose integers keep all their digits: beyond 2^53 they are BigInt.

const LONG = /\d{16}/
const TOKEN = /\s*(?:([{}[\],:])|"((?:[^"\\]|\\.)*)"|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null))/y

function number(text) {
  const value = Number(text)
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(value) ? BigInt(text) : value
}

export function parse(text) {
  if (!LONG.test(text)) return JSON.parse(text)
  TOKEN.lastIndex = 0
  const words = { true: true, false: false, null: null }
  const stack = []
  let root
  let key
  const put = (value) => {
    const top = stack.at(-1)
    if (top === undefined) root = value
    else if (Array.isArray(top)) top.push(value)
    else if (key === undefined) key = value
    else {
      Object.defineProperty(top, key, { value, enumerable: true, configurable: true, writable: true })
      key = undefined
    }
  }
  const keys = []
  const end = text.trimEnd().length
  while (TOKEN.lastIndex < end) {
    const found = TOKEN.exec(text)
    if (!found) throw new SyntaxError('the answer is not JSON')
    const [, mark, string, digits, word] = found
    if (mark === '{' || mark === '[') {
      const value = mark === '{' ? {} : []
      put(value)
      stack.push(value)
      keys.push(key)
      key = undefined
    } else if (mark === '}' || mark === ']') {
      stack.pop()
      key = keys.pop()
      if (!Array.isArray(stack.at(-1))) key = undefined
    } else if (string !== undefined) put(string.includes('\\') ? JSON.parse(`"${string}"`) : string)
    else if (digits !== undefined) put(number(digits))
    else if (word !== undefined) put(words[word])
  }
  if (stack.length > 0 || root === undefined) throw new SyntaxError('the answer breaks off')
  return root
}

/** As JSON.stringify, with all digits. */
export function write(value) {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  if (value !== null && typeof value === 'object') {
    return `{${Object.entries(value).map(([name, held]) => `${JSON.stringify(name)}:${write(held)}`).join(',')}}`
  }
  return JSON.stringify(value)
}
