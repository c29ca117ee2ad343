// Knex: a shop, its migrations up and down, and queries.
import knexOf from 'knex'
import { address, equal, run } from '../harness/cases.mjs'

const migrations = {
  '001_shop': {
    async up(k) {
      await k.schema.createTable('labels', (t) => {
        t.increments('id')
        t.string('name', 40).notNullable().unique()
      })
      await k.schema.createTable('categories', (t) => {
        t.increments('id')
        t.text('title').notNullable()
        t.integer('parent_id').references('id').inTable('categories').onDelete('SET NULL').index()
      })
      await k.schema.createTable('products', (t) => {
        t.bigIncrements('id')
        t.uuid('code').notNullable().defaultTo(k.fn.uuid()).unique()
        t.string('name', 100).notNullable().comment('as customers see it')
        t.integer('cents').notNullable()
        t.text('colour')
        t.timestamps(true, true)
        t.comment('what is sold')
      })
      await k('products').insert([{ name: 'old lamp', cents: 1250, colour: 'red' }, { name: 'old chair', cents: 4000 }])
    },
    async down(k) {
      await k.schema.dropTable('products').dropTable('categories').dropTable('labels')
    },
  },
  '002_changes': {
    async up(k) {
      await k.schema.alterTable('categories', (t) => { t.renameColumn('title', 'name') })
      await k.schema.alterTable('products', (t) => {
        t.renameColumn('cents', 'price')
        t.jsonb('details').notNullable().defaultTo('{}')
        t.specificType('keywords', 'text[]').notNullable().defaultTo('{}')
        t.boolean('active').notNullable().defaultTo(true)
        t.enu('state', ['open', 'closed'], { useNative: true, enumName: 'product_state' })
        t.enu('size', ['s', 'm']).nullable()
        t.integer('category_id').references('categories.id').onDelete('CASCADE')
        t.float('weight')
      })
      await k.schema.alterTable('products', (t) => {
        t.decimal('price', 10, 2).notNullable().alter()
        t.index(['price', 'name'], 'products_price')
        t.index(k.raw('lower(name)'), 'products_lower')
        t.unique(['name', 'category_id'], { indexName: 'products_name_in_category' })
        t.check('price >= 0', {}, 'price_not_negative')
      })
      await k('products').update({ price: k.raw('price / 100'), details: k.raw("jsonb_build_object('colour', colour)") })
      await k.schema.alterTable('products', (t) => { t.dropColumn('colour') })
      await k.schema.createView('cheap', (v) => {
        v.columns(['id', 'name'])
        v.as(k('products').select('id', 'name').where('price', '<', 20))
      })
    },
    async down(k) {
      await k.schema.dropView('cheap')
      await k.schema.alterTable('products', (t) => {
        t.text('colour')
        t.dropUnique(['name', 'category_id'], 'products_name_in_category')
        t.dropIndex(['price', 'name'], 'products_price')
        t.dropIndex([], 'products_lower')
        t.dropChecks(['price_not_negative'])
        t.dropForeign('category_id')
        t.dropColumns('keywords', 'active', 'state', 'size', 'category_id', 'weight')
      })
      await k('products').update({ price: k.raw('price * 100'), colour: k.raw("details ->> 'colour'") })
      await k.schema.alterTable('products', (t) => {
        t.integer('price').notNullable().alter()
        t.dropColumn('details')
        t.renameColumn('price', 'cents')
      })
      await k.schema.alterTable('categories', (t) => { t.renameColumn('name', 'title') })
      await k.raw('DROP TYPE product_state')
    },
  },
  '003_orders': {
    async up(k) {
      await k.schema.createTable('customers', (t) => {
        t.increments()
        t.string('email').notNullable().unique()
        t.timestamp('since', { useTz: true }).defaultTo(k.fn.now())
      })
      await k.schema.createTable('orders', (t) => {
        t.increments()
        t.integer('customer_id').notNullable().references('customers.id').deferrable('deferred')
        t.date('placed_on').notNullable()
        t.integer('version').notNullable().defaultTo(1)
      })
      await k.schema.createTable('lines', (t) => {
        t.integer('order_id').references('orders.id').onDelete('CASCADE')
        t.smallint('position')
        t.bigInteger('product_id').notNullable().references('products.id')
        t.integer('quantity').notNullable()
        t.primary(['order_id', 'position'])
      })
    },
    async down(k) {
      for (const table of ['lines', 'orders', 'customers']) await k.schema.dropTable(table)
    },
  },
}

const source = {
  getMigrations: async () => Object.keys(migrations),
  getMigrationName: (name) => name,
  getMigration: async (name) => migrations[name],
}
const k = knexOf({ client: 'pg', connection: address, migrations: { migrationSource: source }, pool: { min: 0, max: 4 } })

async function rejects(promise) {
  try { await promise } catch (error) { return error }
  throw new Error('no error')
}

await run({
  async migrations_up() {
    const [, done] = await k.migrate.up()
    equal(done, ['001_shop'])
    equal((await k('products').orderBy('id')).map((p) => [p.name, p.cents]), [['old lamp', 1250], ['old chair', 4000]])
    await k.migrate.latest()
    equal((await k('products').orderBy('id')).map((p) => [p.name, p.price, p.details]),
      [['old lamp', '12.50', { colour: 'red' }], ['old chair', '40.00', { colour: null }]])
    equal(await k.migrate.status(), 0)
    equal(await k.migrate.currentVersion(), '003')
  },
  async introspection() {
    equal(await k.schema.hasTable('products'), true)
    equal(await k.schema.hasTable('nothing'), false)
    equal(await k.schema.hasColumn('products', 'price'), true)
    const info = await k('products').columnInfo()
    equal([info.name.type, info.name.maxLength, info.name.nullable], ['character varying', 100, false])
    equal(info.active.defaultValue, 'true')
    equal(info.keywords.type, 'ARRAY')
    equal(info.state.type, 'USER-DEFINED')
  },
  async crud() {
    const [home] = await k('categories').insert({ name: 'home' }).returning('*')
    const [lamp] = await k('products').insert({
      name: 'lamp', price: '9.99', details: { watt: 40, colours: ['red', 'blue'] }, keywords: ['light', 'desk'],
      state: 'open', category_id: home.id }).returning(['id', 'code', 'active', 'created_at'])
    equal([typeof lamp.id, lamp.code.length, lamp.active, lamp.created_at instanceof Date], ['string', 36, true, true])
    await k('products').insert({ name: 'Table', price: 120, weight: 12.5, keywords: ['wood'] })
    equal(await k('products').where({ id: lamp.id }).update({ price: 8 }), 1)
    equal(await k('products').whereLike('name', 'old%').del(), 2)
    equal((await k('products').orderBy('name').pluck('name')), ['Table', 'lamp'])
    const [c] = await k('customers').insert([{ email: 'anna@example.org' }, { email: 'office@example.com' }], ['id'])
    const [o] = await k('orders').insert({ customer_id: c.id, placed_on: '2024-02-29' }, 'id')
    await k('lines').insert([{ order_id: o.id, position: 1, product_id: lamp.id, quantity: 2 },
      { order_id: o.id, position: 2, product_id: lamp.id, quantity: 3 }])
  },
  async queries() {
    equal(await k('products').whereILike('name', '%TAB%').pluck('name'), ['Table'])
    equal(await k('products').whereIn('name', []).pluck('name'), [])
    equal(await k('products').whereBetween('price', [1, 10]).pluck('name'), ['lamp'])
    equal(await k('products').whereNull('weight').orWhereRaw('?? > ?', ['price', 100]).orderBy('name').pluck('name'), ['Table', 'lamp'])
    equal(await k('orders').join('customers', 'customers.id', 'orders.customer_id').leftJoin('lines', 'lines.order_id', 'orders.id')
      .groupBy('customers.email').select('customers.email').count('* as n').sum('quantity as q').having('customers.email', 'like', 'a%'),
    [{ email: 'anna@example.org', n: '2', q: '5' }])
    equal(await k('products').distinctOn('category_id').orderBy('category_id').pluck('name'), ['lamp', 'Table'])
    equal(await k.with('c', k('products').select('name')).select('name').from('c').unionAll(k('labels').select('name')).orderBy('name'),
      [{ name: 'Table' }, { name: 'lamp' }])
    equal(await k.withRecursive('n', ['i'], k.raw('select 1 union all select i + 1 from n where i < ?', [4]))
      .from('n').pluck('i'), [1, 2, 3, 4])
    equal((await k('lines').select('position').rowNumber('r', (w) => w.orderBy('quantity', 'desc')).orderBy('r')), [{ position: 2, r: '1' }, { position: 1, r: '2' }])
    equal(await k('cheap').pluck('name'), ['lamp'])
    equal(await k('products').whereExists(k('lines').whereRaw('lines.product_id = products.id')).pluck('name'), ['lamp'])
    equal(await k('products').orderBy('weight', 'desc', 'last').pluck('name'), ['Table', 'lamp'])
  },
  async json_and_arrays() {
    equal(await k('products').whereJsonPath('details', '$.watt', '>', 30).pluck('name').catch((e) => e.code), ['lamp'])
    equal(await k('products').whereJsonSupersetOf('details', { watt: 40 }).pluck('name'), ['lamp'])
    equal(await k('products').whereRaw("details -> 'colours' ->> 0 = ?", ['red']).pluck('name'), ['lamp'])
    equal(await k('products').whereRaw('keywords @> ?', [['desk']]).pluck('name'), ['lamp'])
    equal(await k('products').whereRaw('? = ANY(keywords)', ['wood']).pluck('name'), ['Table'])
  },
  async upserts() {
    await k('labels').insert([{ name: 'new' }, { name: 'sale' }])
    equal((await k('labels').insert([{ name: 'sale' }, { name: 'fresh' }]).onConflict('name').ignore().returning('name')), [{ name: 'fresh' }])
    equal((await k('labels').insert({ name: 'sale' }).onConflict('name').merge().returning('name')), [{ name: 'sale' }])
  },
  async bulk() {
    await k.transaction(async (t) => {
      const rows = Array.from({ length: 2500 }, (_, n) => ({ name: `l${n}` }))
      const ids = await k.batchInsert('labels', rows, 500).transacting(t).returning('id')
      equal(ids.length, 2500)
      equal(await t('labels').where('name', 'like', 'l%').del(), 2500)
    })
  },
  async transactions() {
    await k.transaction(async (t) => {
      await t('labels').insert({ name: 'one' })
      await t.transaction(async (inner) => {
        await inner('labels').insert({ name: 'two' })
        throw new Error('back')
      }).catch(() => {})
      await t.transaction((inner) => inner('labels').insert({ name: 'three' }))
      const error = await rejects(t.transaction((inner) => inner('labels').insert({ name: 'one' })))
      equal([error.code, error.constraint], ['23505', 'labels_name_unique'])
    })
    equal(await k('labels').orderBy('name').pluck('name'), ['fresh', 'new', 'one', 'sale', 'three'])
    const t = await k.transaction({ isolationLevel: 'serializable' })
    equal((await t.raw('SHOW transaction_isolation')).rows, [{ transaction_isolation: 'serializable' }])
    await t.rollback()
  },
  async locking_and_versions() {
    await k.transaction(async (t) => {
      equal((await t('orders').forUpdate().skipLocked()).length, 1)
      equal((await t('orders').forShare().noWait()).length, 1)
    })
    equal(await k('orders').where({ id: 1, version: 1 }).increment('version'), 1)
    equal(await k('orders').where({ id: 1, version: 1 }).increment('version'), 0)
  },
  async errors() {
    equal((await rejects(k('products').update({ price: -1 }))).constraint, 'price_not_negative')
    equal((await rejects(k('lines').insert({ order_id: 1, position: 3, product_id: 999, quantity: 1 }))).constraint, 'lines_product_id_foreign')
    equal((await rejects(k('products').insert({ name: null, price: 1 }))).column, 'name')
    equal((await rejects(k('nothing'))).code, '42P01')
    equal((await rejects(k('products').insert({ name: 'x', price: 1, state: 'lost' }))).code, '22P02')
  },
  async pagination_and_streaming() {
    equal((await k('labels').orderBy('name').limit(2).offset(1)).map((l) => l.name), ['new', 'one'])
    let sum = 0
    for await (const row of k.select(k.raw('generate_series(1, 1000) AS n')).stream()) sum += row.n
    equal(sum, 500500)
  },
  async migrations_down() {
    await k('lines').del()
    await k.migrate.down()
    await k.migrate.down()
    equal((await k('products').orderBy('name')).map((p) => [p.name, p.cents]), [['Table', 12000], ['lamp', 800]])
    await k.migrate.latest()
    await k.migrate.rollback(undefined, true)
    equal(await k.schema.hasTable('products'), false)
    await k.destroy()
  },
})
