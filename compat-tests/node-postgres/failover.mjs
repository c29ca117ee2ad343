// A pool under load while the leader is killed: the retry rule of docs/operations/clients.md, with node-postgres.
import pg from 'pg'

const hosts = process.env.EIDER_HOSTS.split(',').map((host) => host.split(':'))
const until = Date.now() + 1000 * Number(process.env.EIDER_SECONDS ?? 12)
// Nothing was done: send it again.
const AGAIN = new Set(['40001', '40P01', '55P03', '57P01', '57P03', '53300'])
const seen = {}
const note = (error) => { seen[error.code ?? 'connection'] = (seen[error.code ?? 'connection'] ?? 0) + 1 }
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// A pool a node: node-postgres knows one host only.
const pools = hosts.map(([host, port]) => {
  const pool = new pg.Pool({ host, port: Number(port), user: 'postgres', database: 'postgres', max: 4, connectionTimeoutMillis: 2000 })
  pool.on('error', note)
  return pool
})
const anyPool = () => pools[Math.floor(Math.random() * pools.length)]

async function transfer(c, key) {
  await c.query('BEGIN')
  await c.query('INSERT INTO moved VALUES ($1, 1)', [key])
  await c.query('UPDATE account SET balance = balance - 1 WHERE id = 1')
  await c.query('UPDATE account SET balance = balance + 1 WHERE id = 2')
  await c.query('COMMIT')
}

async function move(key) {
  for (let unknown = false; ;) {
    let c
    try {
      c = await anyPool().connect()
      c.removeAllListeners('error')
      c.on('error', () => {})
      await transfer(c, key)
      c.release()
      return
    } catch (error) {
      if (c && error.code === '23505') {
        c.release(true)
        // An attempt whose outcome nobody could tell was committed.
        if (unknown) return
        throw error
      }
      note(error)
      if (c) {
        unknown ||= !AGAIN.has(error.code)
        c.release(true)
      }
      await pause(20)
    }
  }
}

const setup = await pools[0].connect()
await setup.query('DROP TABLE IF EXISTS moved')
await setup.query('DROP TABLE IF EXISTS account')
await setup.query('CREATE TABLE moved (key text PRIMARY KEY, amount int)')
await setup.query('CREATE TABLE account (id int PRIMARY KEY, balance int)')
await setup.query('INSERT INTO account VALUES (1, 0), (2, 0)')
setup.release(true)
console.log('ready')
const counts = await Promise.all([...Array(8).keys()].map(async (worker) => {
  let count = 0
  while (Date.now() < until) await move(`${worker}.${count++}`)
  return count
}))
const acknowledged = counts.reduce((a, b) => a + b)
let rows, balances
for (; rows === undefined; await pause(50)) {
  try {
    const pool = anyPool()
    balances = (await pool.query('SELECT balance FROM account ORDER BY id')).rows.map((row) => row.balance)
    rows = Number((await pool.query('SELECT count(*) AS n FROM moved')).rows[0].n)
  } catch (error) {
    note(error)
  }
}
console.log(`acknowledged ${acknowledged} rows ${rows} balances ${balances} errors ${JSON.stringify(seen)}`)
process.exit(rows === acknowledged && rows > 0 && balances[0] === -rows && balances[1] === rows ? 0 : 1)
