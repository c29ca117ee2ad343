// postgres.js: pipelines by default, asks the catalog for arrays' types at connect.
import postgres from 'postgres'
import { address, equal, run } from '../harness/cases.mjs'

async function connected(body, more = {}) {
  const sql = postgres({ ...address, username: address.user, onnotice: () => {}, ...more })
  try {
    await body(sql)
  } finally {
    await sql.end({ timeout: 2 })
  }
}

run({
  values: () => connected(async (sql) => {
    const at = new Date(Date.UTC(2024, 1, 29, 12))
    const [row] = await sql`SELECT ${42}::int AS i, ${'é'}::text AS t, ${true}::boolean AS b, ${'1.50'}::numeric AS n, ${at}::timestamptz AS d, ${sql.json({ a: 1 })}::jsonb AS j, ${null}::int AS z`
    equal({ ...row }, { i: 42, t: 'é', b: true, n: '1.50', d: at, j: { a: 1 }, z: null })
  }),

  arrays: () => connected(async (sql) => {
    const [row] = await sql`SELECT ${sql.array([1, 2, 3], 1007)}::int[] AS a, ARRAY['x', 'y'] AS b`
    equal([[...row.a], [...row.b]], [[1, 2, 3], ['x', 'y']])
  }),

  helpers: () => connected(async (sql) => {
    await sql`CREATE TABLE hp (id int PRIMARY KEY, name text)`
    await sql`INSERT INTO hp ${sql([{ id: 1, name: 'a' }, { id: 2, name: 'b' }])}`
    await sql`UPDATE hp SET ${sql({ name: 'c' }, 'name')} WHERE id = 2`
    equal((await sql`SELECT name FROM hp WHERE id IN ${sql([1, 2])} ORDER BY id`).map((row) => row.name), ['a', 'c'])
  }),

  transaction: () => connected(async (sql) => {
    await sql`CREATE TABLE txp (a int PRIMARY KEY)`
    await sql.begin(async (tx) => {
      await tx`INSERT INTO txp VALUES (1)`
      await tx.savepoint((inner) => inner`INSERT INTO txp VALUES (1)`).catch((error) => equal(error.code, '23505'))
      await tx`INSERT INTO txp VALUES (2)`
    })
    equal((await sql`SELECT count(*)::int AS n FROM txp`)[0].n, 2)
  }),

  pipeline: () => connected(async (sql) => {
    const all = await Promise.all(Array.from({ length: 50 }, (_, n) => sql`SELECT ${n}::int AS n`))
    equal(all.map((rows) => rows[0].n), Array.from({ length: 50 }, (_, n) => n))
  }, { max: 1 }),

  cursor: () => connected(async (sql) => {
    let sum = 0
    await sql`SELECT g FROM generate_series(1, 250) g`.cursor(100, (rows) => { for (const row of rows) sum += row.g })
    equal(sum, 31375)
  }),

  error: () => connected(async (sql) => {
    const error = await sql`SELECT nothing FROM pg_nothing`.catch((error) => error)
    equal([error.code, error.position], ['42P01', '21'])
  }),

  notify: () => connected(async (sql) => {
    let hear
    const heard = new Promise((resolve) => { hear = resolve })
    await sql.listen('chanp', hear)
    await sql.notify('chanp', 'hi')
    equal(await heard, 'hi')
  }),

  async target_session_attrs() {
    const hosts = process.env.EIDER_HOSTS.split(',').map((node) => node.split(':'))
    const address_of_all = { host: hosts.map(([host]) => host), port: hosts.map(([, port]) => Number(port)) }
    // It looks for read-write and read-only by default_transaction_read_only alone, which a standby doesn't have on.
    for (const [attrs, wanted] of [['primary', 'off'], ...hosts.length > 1 ? [['standby', 'on'], ['prefer-standby', 'on']] : []]) {
      await connected(async (sql) => {
        equal([attrs, (await sql`SHOW in_hot_standby`)[0].in_hot_standby], [attrs, wanted])
      }, { ...address_of_all, target_session_attrs: attrs, max: 1 })
    }
  },

  simple_and_unsafe: () => connected(async (sql) => {
    const results = await sql.unsafe('SELECT 1 AS a; SELECT 2 AS b')
    equal(results.map((rows) => ({ ...rows[0] })), [{ a: 1 }, { b: 2 }])
  }),
})
