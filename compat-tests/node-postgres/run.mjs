// node-postgres, with its cursors and COPY streams.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import copyStreams from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import { address, equal, run } from '../harness/cases.mjs'

async function connected(body, more = {}) {
  const client = new pg.Client({ ...address, ...more })
  await client.connect()
  try {
    await body(client)
  } finally {
    await client.end()
  }
}

async function failure(promise) {
  return promise.then(() => { throw new Error('no error') }, (error) => error)
}

run({
  connect: () => connected(async (c) => {
    equal((await c.query('SHOW application_name')).rows, [{ application_name: 'node case' }])
  }, { application_name: 'node case', statement_timeout: 5000 }),

  values: () => connected(async (c) => {
    for (const [type, value, shown] of [
      ['int', 42, 42], ['bigint', '4611686018427387904', '4611686018427387904'], ['text', 'é\'\\', 'é\'\\'],
      ['boolean', true, true], ['numeric', '1.50', '1.50'], ['float8', 0.1, 0.1],
      ['bytea', Buffer.from([0, 255]), Buffer.from([0, 255])], ['jsonb', { a: [1] }, { a: [1] }],
      ['int[]', [1, 2, null], [1, 2, null]], ['text[]', ['a', 'b"c'], ['a', 'b"c']],
      ['timestamptz', new Date(Date.UTC(2024, 1, 29, 12)), new Date(Date.UTC(2024, 1, 29, 12))],
      ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'], ['int', null, null],
    ]) {
      equal([type, (await c.query(`SELECT $1::${type} AS v`, [value])).rows[0].v], [type, shown])
    }
  }),

  binary: () => connected(async (c) => {
    equal((await c.query({ text: 'SELECT 1::int AS a, $1::text AS b, true AS c', values: ['x'], binary: true })).rows, [{ a: 1, b: 'x', c: true }])
  }),

  prepared: () => connected(async (c) => {
    for (let n = 0; n < 10; n++) {
      equal((await c.query({ name: 'plus', text: 'SELECT $1::int + 1 AS n', values: [n] })).rows[0].n, n + 1)
    }
  }),

  transaction: () => connected(async (c) => {
    await c.query('CREATE TABLE txn (a int PRIMARY KEY)')
    await c.query('BEGIN')
    await c.query('INSERT INTO txn VALUES (1)')
    await c.query('SAVEPOINT s')
    const error = await failure(c.query('INSERT INTO txn VALUES (1)'))
    equal([error.code, error.constraint, error.table, error.detail], ['23505', 'txn_pkey', 'txn', 'Key (a)=(1) already exists.'])
    equal((await failure(c.query('SELECT 1'))).code, '25P02')
    await c.query('ROLLBACK TO s')
    await c.query('COMMIT')
    equal((await c.query('SELECT a FROM txn')).rows, [{ a: 1 }])
  }),

  several_statements: () => connected(async (c) => {
    const results = await c.query('SELECT 1 AS a; SELECT 2 AS b')
    equal(results.map((one) => one.rows), [[{ a: 1 }], [{ b: 2 }]])
  }),

  result_fields: () => connected(async (c) => {
    const result = await c.query({ text: 'SELECT 1 AS a, \'x\'::varchar(3) AS b', rowMode: 'array' })
    equal(result.rows, [[1, 'x']])
    equal(result.fields.map((field) => [field.name, field.dataTypeID, field.dataTypeModifier]), [['a', 23, -1], ['b', 1043, 7]])
    equal([result.command, result.rowCount], ['SELECT', 1])
  }),

  cursor: () => connected(async (c) => {
    const cursor = c.query(new Cursor('SELECT g FROM generate_series(1, $1::int) g', [250]))
    let sum = 0
    for (;;) {
      const rows = await cursor.read(100)
      if (rows.length === 0) break
      for (const row of rows) sum += row.g
    }
    await cursor.close()
    equal(sum, 31375)
  }),

  copy: () => connected(async (c) => {
    await c.query('CREATE TABLE con (a int, b text)')
    await pipeline(Readable.from(['1\tone\n', '2\t\\N\n']), c.query(copyStreams.from('COPY con FROM STDIN')))
    let out = ''
    for await (const part of c.query(copyStreams.to('COPY con TO STDOUT'))) out += part
    equal(out, '1\tone\n2\t\\N\n')
  }),

  notify: () => connected(async (c) => {
    const heard = new Promise((resolve) => c.once('notification', resolve))
    await c.query('LISTEN chann')
    await c.query("NOTIFY chann, 'hi'")
    const { channel, payload } = await heard
    equal([channel, payload], ['chann', 'hi'])
  }),

  notice: () => connected(async (c) => {
    const heard = new Promise((resolve) => c.once('notice', resolve))
    await c.query('DROP TABLE IF EXISTS nothingn')
    equal((await heard).message, 'table "nothingn" does not exist, skipping')
  }),

  pool: async () => {
    const pool = new pg.Pool({ ...address, max: 5 })
    const all = await Promise.all(Array.from({ length: 40 }, (_, n) => pool.query('SELECT $1::int AS n', [n])))
    equal(all.map((one) => one.rows[0].n), Array.from({ length: 40 }, (_, n) => n))
    await pool.end()
  },

  statement_timeout: () => connected(async (c) => {
    equal((await failure(c.query('SELECT count(*) FROM generate_series(1, 1000000000)'))).code, '57014')
  }, { statement_timeout: 200 }),

  large_value: () => connected(async (c) => {
    const value = 'x'.repeat(5000000)
    equal((await c.query('SELECT $1::text AS v', [value])).rows[0].v.length, value.length)
  }),
})
