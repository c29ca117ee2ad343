// The web console in Chromium: what an operator sees and does. EIDER_NODES has three nodes, EIDER_GUARDED one with users.
// EIDER_SCREENSHOTS names a folder for the pictures of docs/operations/console.md.
import { ok } from 'node:assert'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { equal, run } from '../harness/cases.mjs'

const nodes = process.env.EIDER_NODES.split(',').map((node) => {
  const [name, port, pid] = node.split(':')
  return { name, pid: Number(pid), origin: `http://127.0.0.1:${port}` }
})
const guarded = `http://127.0.0.1:${process.env.EIDER_GUARDED}`
const WIDE = { width: 1280, height: 860 }
/** Markup that would do harm if it were taken for any. */
const EVIL = `<img src=x onerror="window.pwned=1">`

// A container's Chromium has no sandbox of its own; what it loads here is only the console.
const browser = await chromium.launch({ executablePath: process.env.EIDER_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] })
process.on('exit', () => browser.close())

/** What went wrong in any page, and every address that one asked for. */
const complaints = []
const asked = new Set()

async function open(path, { origin = nodes[0].origin, expected = () => false, ...options } = {}) {
  const context = await browser.newContext({ viewport: WIDE, colorScheme: 'light', permissions: ['clipboard-read', 'clipboard-write'], ...options })
  const page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !expected(message.text())) complaints.push(message.text())
  })
  page.on('request', (request) => asked.add(new URL(request.url()).origin))
  page.on('dialog', (dialog) => complaints.push(`a dialog: ${dialog.message()}`))
  await page.goto(`${origin}/console/${path}`)
  return page
}

const close = (page) => page.context().close()
const text = (page, selector) => page.locator(selector).innerText()
const until = (page, test, argument) => page.waitForFunction(test, argument, { timeout: 20000, polling: 50 })
const post = (path, body, origin = nodes[0].origin) =>
  fetch(origin + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })

async function execute(...statements) {
  const answer = await (await post('/db/execute', statements)).json()
  ok(answer.results.every((result) => !result.error), JSON.stringify(answer))
}

/** Runs a text by the keyboard, and waits for what comes of it. */
async function enter(page, sql) {
  await page.fill('#sql', sql)
  await page.press('#sql', 'Control+Enter')
  await until(page, () => document.getElementById('stop').hidden && document.getElementById('summary').textContent !== '')
}

async function picture(page, name) {
  const folder = process.env.EIDER_SCREENSHOTS
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) })
}

const cards = (page) => page.$$eval('.node', (list) => list.map((card) =>
  [card.dataset.node, card.dataset.state, card.querySelector('.tag').textContent]).sort())

const SHOP = [
  'CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, town TEXT)',
  `CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer(id), total REAL NOT NULL,
     shipped TEXT, reference INTEGER)`,
  'CREATE INDEX purchase_of_customer ON purchase (customer_id, shipped)',
  'CREATE VIEW open_purchase AS SELECT * FROM purchase WHERE shipped IS NULL',
  `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 40)
     INSERT INTO customer SELECT x, 'Customer ' || x, CASE x % 4 WHEN 0 THEN 'Tromsø' WHEN 1 THEN 'Lerwick' WHEN 2 THEN 'Tórshavn' END FROM n`,
  `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000)
     INSERT INTO purchase SELECT x, x * 7 % 40 + 1, (x * 3731 % 90000) / 100.0,
       CASE WHEN x % 5 THEN date('2026-01-01', (x % 300) || ' days') END, 9223372036854774807 + x FROM n`,
]
const THOUSAND = `-- every purchase, with who made it
SELECT p.id, c.name AS customer, c.town, p.total, p.shipped, p.reference
FROM purchase p
JOIN customer c ON c.id = p.customer_id
ORDER BY p.id;`

await run({
  async files_are_kept_and_guarded_by_a_policy() {
    const page = await fetch(`${nodes[1].origin}/console/`)
    const policy = page.headers.get('content-security-policy')
    ok(policy.includes("default-src 'none'") && policy.includes("script-src 'self'") && !policy.includes('unsafe'), policy)
    const again = await fetch(`${nodes[1].origin}/console/`, { headers: { 'If-None-Match': page.headers.get('etag') } })
    equal([page.status, again.status, await again.text()], [200, 304, ''])
    const moved = await fetch(`${nodes[1].origin}/console`, { redirect: 'manual' })
    equal([moved.status, moved.headers.get('location')], [301, '/console/'])
  },

  async the_map_shows_leader_followers_versions_and_addresses() {
    for (const { origin } of nodes) {
      const page = await open('', { origin })
      await until(page, () => document.getElementById('verdict').dataset.state === 'good')
      equal((await cards(page)).map(([name, state]) => [name, state]), nodes.map(({ name }) => [name, 'good']))
      equal((await cards(page)).filter(([, , role]) => role === 'Leader').length, 1)
      equal(await page.locator('.links path[data-state=good]').count(), 2)
      const whole = await text(page, '#map')
      for (const node of nodes) ok(whole.includes(node.origin.replace('http://', '')), whole)
      ok(/v\d+\.\d+\.\d+/.test(whole) && /\d+ applied of \d+ committed/.test(whole), whole)
      await close(page)
    }
  },

  async charts_follow_what_is_done_and_are_read_by_keyboard() {
    await execute('CREATE TABLE reading (id INTEGER PRIMARY KEY, at TEXT)')
    const page = await open('')
    let busy = true
    const work = (async () => {
      while (busy) await execute(...Array(3).fill('INSERT INTO reading(at) VALUES (datetime())'))
    })()
    await until(page, () => {
      const figure = (chart, key) => Number.parseFloat(document.querySelectorAll('.chart')[chart]?.querySelectorAll('.key b')[key]?.textContent)
      return figure(0, 0) > 0 && figure(1, 0) > 0 && document.querySelectorAll('.chart .curve').length >= 4
    })
    busy = false
    await work
    const chart = page.locator('.chart svg').first()
    await chart.focus()
    await page.keyboard.press('ArrowLeft')
    equal(await page.locator('.chart .cross').count(), 1)
    ok(/^Statements per second: Writes [\d.]+/.test(await chart.getAttribute('aria-label')))
    await page.keyboard.press('Escape')
    equal(await page.locator('.chart .cross').count(), 0)
    await until(page, () => document.querySelector('#databases tr')?.textContent.includes('postgres'))
    await close(page)
  },

  async a_thousand_rows_are_there_and_few_are_drawn() {
    await execute(...SHOP)
    const page = await open('#sql', { viewport: { width: 1280, height: 720 } })
    await page.locator('#tree [role=treeitem] .name').getByText('purchase', { exact: true }).click()
    ok((await text(page, '#tree')).includes('purchase_of_customer'))
    await enter(page, THOUSAND)
    equal(await page.getAttribute('#grid', 'aria-rowcount'), '1001')
    ok((await text(page, '#summary')).startsWith('1,000 rows · '))
    const drawn = () => page.locator('.grid .line').count()
    ok((await drawn()) < 80)
    await page.focus('#grid')
    await page.keyboard.press('Control+ArrowDown')
    await until(page, () => document.querySelector('.grid .chosen')?.closest('.line').firstChild.textContent === '1000')
    ok((await drawn()) < 80)
    const last = await page.locator('.grid .line:has(.chosen) [role=gridcell]').last().innerText()
    equal(last, '9223372036854775807')
    const columns = await page.$$eval('.grid .head > *', (heads) => heads.map((head) => Math.round(head.getBoundingClientRect().left)))
    const cells = await page.$$eval('.grid .line:has(.chosen) > *', (found) => found.map((cell) => Math.round(cell.getBoundingClientRect().left)))
    equal(cells, columns)
    await page.keyboard.press('Control+ArrowUp')
    await page.keyboard.press('Home')
    await page.focus('#sql')
    await picture(page, 'rows-light')
    await page.emulateMedia({ colorScheme: 'dark' })
    await picture(page, 'rows-dark')
    await close(page)
  },

  async values_are_shown_apart_and_copied_whole() {
    const page = await open('#sql')
    await enter(page, `SELECT NULL AS n, '' AS e, 'NULL' AS t, 9007199254740993 AS i, x'00ff' AS b, 'a,"b"' || char(10) || 'c' AS q, 0.5 AS r`)
    const classes = await page.$$eval('.grid .line [role=gridcell]', (found) => found.map((cell) => [cell.className.replace('chosen', '').trim(), cell.textContent]))
    equal(classes, [['null', 'NULL'], ['', ''], ['', 'NULL'], ['digits', '9007199254740993'], ['blob', "x'00ff'"], ['', 'a,"b" ⏎ c'], ['digits', '0.5']])
    const copied = async (button) => {
      await page.click(button)
      await until(page, () => document.getElementById('summary').textContent.includes('copied'))
      return page.evaluate(() => navigator.clipboard.readText())
    }
    equal(await copied('#copy-csv'), 'n,e,t,i,b,q,r\r\n,"",NULL,9007199254740993,\\x00ff,"a,""b""\nc",0.5\r\n')
    await page.evaluate(() => { document.getElementById('summary').textContent = '' })
    equal(await copied('#copy-json'), '[\n  {"n": null, "e": "", "t": "NULL", "i": 9007199254740993, "b": "\\\\x00ff", "q": "a,\\"b\\"\\nc", "r": 0.5}\n]\n')
    await close(page)
  },

  async an_error_is_marked_where_it_is() {
    const page = await open('#sql', { viewport: { width: 1280, height: 560 } })
    const marked = async () => [await page.locator('.paint .wrong').allInnerTexts(), await text(page, '.gutter .wrong'), (await text(page, '#error')).split('\n')[0]]
    // Behind a character outside the basic plane, in the second of two statements.
    await enter(page, `SELECT 1;\nSELECT id,\n       '𝄞' AS clef, att\nFROM reading;`)
    equal(await marked(), [['att'], '3', 'no such column: att'])
    ok(/SQLSTATE 42703/.test(await text(page, '#error')) && /Line 3, column 21/.test(await text(page, '#error')))
    equal(await page.$$eval('#result-tabs [role=tab]', (tabs) => tabs.map((tab) => tab.textContent.split('·')[1].trim())), ['1 row', 'error'])
    await page.click('#error button')
    equal(await page.$eval('#sql', (area) => area.value.slice(area.selectionStart, area.selectionEnd)), 'att')
    await enter(page, 'SELECT *\nFROM readings r;')
    equal(await marked(), [['readings'], '2', 'no such table: readings'])
    await enter(page, 'SELECT id, at\nFROM reading\nWHERE id > 3 AN at < datetime()\nORDER BY at DESC;')
    equal(await marked(), [['AN'], '3', 'near "AN": syntax error'])
    await picture(page, 'error-light')
    await page.emulateMedia({ colorScheme: 'dark' })
    await picture(page, 'error-dark')
    await page.type('#sql', ' ')
    equal(await page.locator('.paint .wrong').count(), 0)
    await close(page)
  },

  async names_and_values_are_never_markup() {
    const name = EVIL.replaceAll('"', '""')
    await execute(`CREATE TABLE "${name}" ("<b>bold</b>" TEXT)`, `INSERT INTO "${name}" VALUES ('<svg onload="window.pwned=2">')`, `CREATE INDEX "<i>index</i>" ON "${name}" ("<b>bold</b>")`)
    const page = await open('#sql')
    await until(page, (evil) => [...document.querySelectorAll('#tree .name')].some((found) => found.textContent === evil), EVIL)
    await page.locator('#tree [role=treeitem]').filter({ hasText: EVIL }).locator('.row').first().click()
    ok((await text(page, '#tree')).includes('<b>bold</b>') && (await text(page, '#tree')).includes('<i>index</i>'))
    await enter(page, `SELECT *, '${EVIL}' AS "<u>u</u>" FROM "${name}"`)
    equal(await page.locator('.grid .line [role=gridcell]').allInnerTexts(), ['<svg onload="window.pwned=2">', EVIL])
    ok((await text(page, '.grid .head')).includes('<u>u</u>'))
    await page.focus('#grid')
    await page.keyboard.press('Enter')
    equal([await text(page, '#cell-title'), await text(page, '#cell-text')], ['<b>bold</b>', '<svg onload="window.pwned=2">'])
    await page.keyboard.press('Escape')
    await enter(page, `SELECT * FROM "${name}x"`)
    ok((await text(page, '#error')).includes(EVIL))
    await page.click('#tab-history')
    ok((await text(page, '#history')).includes(name))
    equal(await page.evaluate(() => [window.pwned, document.querySelectorAll('main img, main b[onclick], main u, main i:not(.track i), main script').length]), [undefined, 0])
    // The browser itself would refuse.
    const refused = await page.evaluate(() => { try { document.body.innerHTML = '<p>'; return false } catch { return true } })
    ok(refused)
    complaints.splice(0, complaints.length, ...complaints.filter((found) => !found.includes('TrustedHTML')))
    await close(page)
    await execute(`DROP TABLE "${name}"`)
  },

  async everything_is_done_by_keyboard() {
    const page = await open('')
    const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key) }
    const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim())
    const ring = () => page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)
    await press('Tab')
    equal(await focused(), 'Skip to content')
    for (let step = 0; (await focused()) !== 'SQL'; step += 1) {
      ok(step < 5, 'the link to SQL is near')
      await press('Tab')
    }
    equal(await ring(), 'solid')
    await press('Enter')
    await until(page, () => document.activeElement.id === 'sql')
    await page.keyboard.type("SELECT 1 AS a, 2 AS b UNION SELECT 3, 'long'")
    await press('Control+Enter')
    await until(page, () => !document.getElementById('grid').hidden)
    await press('Tab')
    equal([await focused(), await ring()], ['grid', 'solid'])
    await press('ArrowDown', 'ArrowRight', 'Enter')
    equal([await page.$eval('#cell', (dialog) => dialog.open), await text(page, '#cell-text')], [true, 'long'])
    await press('Escape')
    equal([await page.$eval('#cell', (dialog) => dialog.open), await focused()], [false, 'grid'])
    const order = []
    for (let step = 0; step < 2; step += 1) {
      await press('Tab')
      order.push(await focused())
    }
    equal(order, ['copy-csv', 'copy-json'])
    await page.focus('#tab-schema')
    await press('Tab', 'Tab', 'Tab')
    await press('End', 'ArrowRight')
    equal(await page.getAttribute('#tree [role=treeitem]:focus', 'aria-expanded'), 'true')
    await press('ArrowDown')
    equal(await page.$eval('#tree :focus .name', (name) => name.textContent), 'id')
    await press('ArrowLeft', 'Enter')
    equal([await focused(), await page.inputValue('#sql')], ['sql', 'SELECT * FROM reading LIMIT 100;'])
    await press('Alt+ArrowUp')
    ok((await page.inputValue('#sql')).startsWith('SELECT 1 AS a'))
    await press('ArrowDown')
    equal(await page.inputValue('#sql'), 'SELECT * FROM reading LIMIT 100;')
    await page.focus('#tab-schema')
    await press('ArrowRight', 'Tab')
    equal(await focused(), 'history')
    await press('End', 'Enter')
    equal(await focused(), 'sql')
    await page.focus('#theme input:checked')
    await press('ArrowRight')
    equal(await page.$eval('html', (html) => html.dataset.theme), 'light')
    await close(page)
  },

  async what_runs_is_stopped() {
    const page = await open('#sql')
    await page.fill('#sql', 'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n')
    await page.press('#sql', 'Control+Enter')
    await page.waitForSelector('#stop:not([hidden])')
    await page.keyboard.press('Escape')
    await page.waitForSelector('#error:not([hidden])')
    equal((await text(page, '#error')).split('\n')[0], 'Stopped.')
    await enter(page, 'SELECT 2 AS again')
    equal(await page.locator('.grid .line [role=gridcell]').allInnerTexts(), ['2'])
    await close(page)
  },

  async history_and_draft_outlive_the_page() {
    const page = await open('#sql')
    await enter(page, 'SELECT 41 AS kept')
    await page.reload()
    equal(await page.inputValue('#sql'), 'SELECT 41 AS kept')
    await page.fill('#sql', '')
    await page.keyboard.press('ArrowUp')
    equal(await page.inputValue('#sql'), 'SELECT 41 AS kept')
    equal(await page.evaluate(() => JSON.parse(localStorage.getItem('eider.history')).map(({ sql, rows }) => [sql, rows])), [['SELECT 41 AS kept', 1]])
    await page.click('#tab-history')
    await page.focus('#history')
    await page.keyboard.press('Delete')
    equal(await page.evaluate(() => localStorage.getItem('eider.history')), '[]')
    await close(page)
  },

  async levels_databases_and_transactions_are_chosen() {
    const page = await open('#sql', { origin: nodes[1].origin })
    for (const level of ['none', 'weak', 'linearizable', 'strong']) {
      await page.selectOption('#level', level)
      const sent = page.waitForRequest((request) => request.url().includes('/db/request'))
      await enter(page, 'SELECT 1')
      ok((await sent).url().includes(`level=${level}&`))
      ok((await text(page, '#summary')).endsWith(`, ${level}`), await text(page, '#summary'))
    }
    await until(page, () => document.getElementById('database').options.length === 2)
    await page.selectOption('#database', 'shop')
    await enter(page, 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\nCREATE INDEX item_name ON item (name);')
    await until(page, () => document.querySelector('#tree .name')?.textContent === 'item')
    await page.check('#transaction')
    await enter(page, "INSERT INTO item(name) VALUES ('pen');\nINSERT INTO item(name) VALUES (NULL);")
    ok((await text(page, '#error')).includes('NOT NULL constraint failed: item.name'))
    await enter(page, 'SELECT count(*) AS n FROM item')
    equal(await page.locator('.grid .line [role=gridcell]').allInnerTexts(), ['0'])
    await close(page)
  },

  async both_themes_by_system_and_by_choice() {
    const page = await open('', { colorScheme: 'dark' })
    const light = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).reduce((sum, part) => sum + Number(part), 0) > 380)
    equal(await light(), false)
    await page.check('#theme input[value=light]')
    equal(await light(), true)
    await page.reload()
    equal(await light(), true)
    await page.check('#theme input[value=system]')
    equal(await light(), false)
    await close(page)
  },

  async a_phone_shows_all_of_it() {
    for (const path of ['', '#sql']) {
      const page = await open(path, { viewport: { width: 390, height: 844 } })
      await until(page, () => document.querySelectorAll('.node').length === 3)
      if (path) await enter(page, THOUSAND)
      ok((await page.locator('.grid .line').count()) < 80)
      equal(await page.evaluate(() => document.scrollingElement.scrollWidth), 390)
      await picture(page, path ? 'phone-sql' : 'phone-cluster')
      await close(page)
    }
  },

  async users_see_what_they_may() {
    const page = await open('', { origin: guarded, expected: (message) => message.includes('401') })
    const signIn = async (name, password) => {
      await page.fill('#user', name)
      await page.fill('#password', password)
      await page.press('#password', 'Enter')
    }
    await page.waitForSelector('#sign-in[open]')
    await signIn('ada', 'wrong')
    await until(page, () => document.getElementById('sign-in-error').textContent.includes('refuses'))
    await signIn('ada', 'lovelace')
    await until(page, () => document.getElementById('verdict').dataset.state === 'good')
    await page.click('#sign-out')
    await page.waitForSelector('#sign-in[open]')
    await signIn('reader', 'only')
    await until(page, () => document.getElementById('verdict-title').textContent === 'Not permitted')
    await page.click('[data-view=sql]')
    await enter(page, 'SELECT 7 AS seven')
    equal(await page.locator('.grid .line [role=gridcell]').allInnerTexts(), ['7'])
    await enter(page, 'CREATE TABLE t (a)')
    ok(await page.locator('#error').isVisible())
    equal(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }).includes('only')), false)
    await close(page)
  },

  async a_node_that_is_down_is_shown_so() {
    const page = await open('', { viewport: { width: 1280, height: 1010 } })
    await until(page, () => document.querySelectorAll('.node[data-state=good]').length === 3)
    const leader = (await cards(page)).find(([, , role]) => role === 'Leader')[0]
    const here = nodes[0].name
    const victim = nodes.filter(({ name }) => name !== leader && name !== here).at(-1)
    let busy = true
    const work = Promise.all(['SELECT count(*) FROM reading', 'INSERT INTO reading(at) VALUES (datetime())'].map(async (sql) => {
      while (busy) {
        await post('/db/request', [sql])
        await new Promise((resolve) => setTimeout(resolve, 15 + 45 * Math.sin(Date.now() / 5000) ** 2))
      }
    }))
    // For a picture, until the charts have something to show.
    const past = process.env.EIDER_SCREENSHOTS ? 55000 : 0
    await page.waitForTimeout(past)
    process.kill(victim.pid, 'SIGKILL')
    await until(page, (name) => document.querySelector(`.node[data-node="${name}"]`)?.dataset.state === 'down', victim.name)
    equal(await text(page, '#verdict-title'), 'Degraded')
    equal(await text(page, '#verdict-text'), `node ${victim.name} is down. The cluster takes writes, and cannot lose another voter.`)
    ok((await text(page, `.node[data-node="${victim.name}"]`)).includes("can't be reached"))
    equal(await page.locator('.links path[data-state=down]').count(), 1)
    await picture(page, 'cluster-light')
    await page.emulateMedia({ colorScheme: 'dark' })
    await picture(page, 'cluster-dark')
    busy = false
    await work
    const other = nodes.find(({ name }) => name !== victim.name && name !== here)
    process.kill(other.pid, 'SIGKILL')
    await until(page, () => document.getElementById('verdict').dataset.state === 'bad')
    await until(page, () => document.getElementById('verdict-title').textContent === 'No majority')
    process.kill(nodes[0].pid, 'SIGKILL')
    await until(page, () => document.getElementById('verdict-title').textContent === 'This node does not answer')
    complaints.splice(0, complaints.length, ...complaints.filter((found) => !/ERR_CONNECTION|ERR_EMPTY|503/.test(found)))
    await close(page)
  },

  async nothing_else_was_asked_and_nothing_went_wrong() {
    equal([...asked].sort(), [...nodes.map(({ origin }) => origin), guarded].sort())
    equal(complaints, [])
  },
}, process.env.EIDER_SCREENSHOTS ? 120 : 30)
