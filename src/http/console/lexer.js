// SQLite's tokens, as far as an editor needs them: to colour them, and to tell statements apart.

const WORDS = `ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY CASCADE CASE CAST
CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFAULT
DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FILTER FIRST
FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX INDEXED INITIALLY INNER INSERT INSTEAD
INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER
OTHERS OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX RELEASE RENAME REPLACE
RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT SELECT SET STRICT TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER UNBOUNDED
UNION UNIQUE UPDATE USING VACUUM VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHOUT`
const KEYWORDS = new Set(WORDS.split(/\s+/))

const TOKEN = new RegExp([
  '(?<space>\\s+)',
  '(?<comment>--[^\\n]*|/\\*[\\s\\S]*?(?:\\*/|$))',
  "(?<string>[xX]?'(?:[^']|'')*(?:'|$))",
  '(?<name>"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\\[[^\\]]*(?:\\]|$)|[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*)',
  '(?<number>0[xX][0-9a-fA-F]+|(?:\\d[\\d_]*\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?)',
  '(?<parameter>\\?\\d*|[:@$][\\w$]+)',
  '(?<end>;)',
  '(?<other>[\\s\\S])',
].join('|'), 'g')

/** `[{kind, start, end}]`, which covers the text. */
export function tokens(text) {
  const found = []
  for (const match of text.matchAll(TOKEN)) {
    let kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined)
    if (kind === 'name' && KEYWORDS.has(match[0].toUpperCase())) kind = 'keyword'
    found.push({ kind, start: match.index, end: match.index + match[0].length })
  }
  return found
}

/** The statements of a text: `[{start, end, word}]`, without what surrounds them. `word` is the first. */
export function statements(text) {
  const found = []
  let current = null
  const close = () => {
    if (current) found.push({ start: current.start, end: current.end, word: current.words[0] ?? '' })
    current = null
  }
  for (const token of tokens(text)) {
    if (token.kind === 'space' || token.kind === 'comment') continue
    if (token.kind === 'end') {
      // A trigger's body has statements of its own, and ends with END after one of them.
      const inTrigger = current && /^CREATE( TEMP| TEMPORARY)? TRIGGER/.test(current.words.slice(0, 3).join(' '))
      if (!inTrigger || (current.last.at(-1) === 'END' && current.last.at(-2) === ';')) close()
      else current.last = [current.last.at(-1), ';']
      continue
    }
    const word = text.slice(token.start, token.end).toUpperCase()
    current ??= { start: token.start, words: [], last: [] }
    if (current.words.length < 3) current.words.push(word)
    current.last = [current.last.at(-1), word]
    current.end = token.end
  }
  close()
  return found
}

/** The token at, or that begins behind, a place. */
export const tokenAt = (text, place) => tokens(text).find((token) => token.end > place && token.kind !== 'space')

export const quoted = (name) =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !KEYWORDS.has(name.toUpperCase()) ? name : `"${name.replaceAll('"', '""')}"`
