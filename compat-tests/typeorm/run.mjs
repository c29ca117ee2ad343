// TypeORM: entities with relations, its synchronisation and migrations, repositories and query builders.
import 'reflect-metadata'
import typeorm from 'typeorm'
import { address, equal, run } from '../harness/cases.mjs'

const { DataSource, EntitySchema, ILike, In, IsNull, LessThan, MoreThan, Raw, ArrayContains, TableColumn, TableIndex, TableForeignKey, Table } = typeorm

const Label = new EntitySchema({ name: 'Label', tableName: 'label', columns: {
  id: { type: Number, primary: true, generated: true }, name: { type: 'varchar', length: 40, unique: true } } })
const Category = new EntitySchema({ name: 'Category', tableName: 'category', columns: {
  id: { type: Number, primary: true, generated: 'identity' }, name: { type: 'text' } },
relations: { parent: { type: 'many-to-one', target: 'Category', inverseSide: 'children', nullable: true },
  children: { type: 'one-to-many', target: 'Category', inverseSide: 'parent', cascade: true } } })
const Product = new EntitySchema({ name: 'Product', tableName: 'product', columns: {
  id: { type: 'bigint', primary: true, generated: true },
  code: { type: 'uuid', generated: 'uuid' },
  name: { type: 'varchar', length: 100, comment: 'as customers see it' },
  price: { type: 'numeric', precision: 10, scale: 2 },
  weight: { type: 'double precision', nullable: true },
  details: { type: 'jsonb', default: {} },
  keywords: { type: 'text', array: true, default: [] },
  state: { type: 'enum', enum: ['open', 'closed'], default: 'open' },
  active: { type: 'boolean', default: true },
  createdAt: { type: 'timestamptz', createDate: true }, updatedAt: { type: 'timestamptz', updateDate: true },
  deletedAt: { type: 'timestamptz', deleteDate: true, nullable: true }, version: { type: Number, version: true },
  gross: { type: 'numeric', precision: 12, scale: 2, generatedType: 'STORED', asExpression: 'price * 2', nullable: true },
}, relations: {
  category: { type: 'many-to-one', target: 'Category', nullable: true, onDelete: 'SET NULL' },
  labels: { type: 'many-to-many', target: 'Label', joinTable: { name: 'labelled' }, cascade: true } },
indices: [{ name: 'product_price', columns: ['price', 'name'] }, { name: 'product_active', columns: ['name'], where: 'active', unique: true }],
checks: [{ name: 'product_price_check', expression: 'price >= 0' }] })
const Customer = new EntitySchema({ name: 'Customer', tableName: 'customer', columns: {
  id: { type: Number, primary: true, generated: true }, email: { type: 'varchar', unique: true } },
relations: { orders: { type: 'one-to-many', target: 'Order', inverseSide: 'customer', cascade: true } } })
const Order = new EntitySchema({ name: 'Order', tableName: 'order', columns: {
  id: { type: Number, primary: true, generated: true }, placedOn: { type: 'date', name: 'placed_on', default: () => 'CURRENT_DATE' } },
relations: { customer: { type: 'many-to-one', target: 'Customer', inverseSide: 'orders', onDelete: 'CASCADE', deferrable: 'INITIALLY DEFERRED' },
  lines: { type: 'one-to-many', target: 'Line', inverseSide: 'order', cascade: true } } })
const Line = new EntitySchema({ name: 'Line', tableName: 'line', columns: {
  orderId: { type: Number, primary: true }, position: { type: 'smallint', primary: true }, quantity: { type: 'int' }, price: { type: 'numeric' } },
relations: { order: { type: 'many-to-one', target: 'Order', inverseSide: 'lines', joinColumn: { name: 'orderId' }, onDelete: 'CASCADE' },
  product: { type: 'many-to-one', target: 'Product', eager: true } } })
const Cheap = new EntitySchema({ name: 'Cheap', tableName: 'cheap', type: 'view', expression: 'SELECT "id", "name" FROM "product" WHERE "price" < 20',
  columns: { id: { type: 'bigint' }, name: { type: 'varchar' } } })

class Depots1700000000000 {
  async up(q) {
    await q.createTable(new Table({ name: 'depot', columns: [
      { name: 'id', type: 'int', isPrimary: true, isGenerated: true, generationStrategy: 'increment' },
      { name: 'title', type: 'varchar', length: '10' }, { name: 'cents', type: 'int', isNullable: false }] }))
    await q.query(`INSERT INTO depot (title, cents) VALUES ('a', 1250), ('b', 4000)`)
  }
  async down(q) { await q.dropTable('depot') }
}
class Depots1700000000001 {
  async up(q) {
    await q.renameColumn('depot', 'title', 'name')
    await q.addColumn('depot', new TableColumn({ name: 'kind', type: 'enum', enum: ['big', 'small'], default: "'big'" }))
    await q.addColumn('depot', new TableColumn({ name: 'product_id', type: 'bigint', isNullable: true }))
    await q.createForeignKey('depot', new TableForeignKey({ name: 'depot_product', columnNames: ['product_id'], referencedTableName: 'product', referencedColumnNames: ['id'] }))
    await q.createIndex('depot', new TableIndex({ name: 'depot_name', columnNames: ['name', 'kind'], isUnique: true }))
    await q.query('ALTER TABLE depot ALTER COLUMN cents TYPE numeric(10, 2) USING cents / 100.0')
  }
  async down(q) {
    await q.query('ALTER TABLE depot ALTER COLUMN cents TYPE int USING cents * 100')
    await q.dropIndex('depot', 'depot_name')
    await q.dropForeignKey('depot', 'depot_product')
    await q.dropColumns('depot', ['product_id', 'kind'])
    await q.renameColumn('depot', 'name', 'title')
  }
}

const db = new DataSource({ type: 'postgres', host: address.host, port: address.port, username: address.user, database: address.database,
  entities: [Label, Category, Product, Customer, Order, Line, Cheap], migrations: [Depots1700000000000, Depots1700000000001] })

async function rejects(promise) {
  try { await promise } catch (error) { return error }
  throw new Error('no error')
}
const of = (entity) => db.getRepository(entity)
const names = async (where) => (await of('Product').find({ where, order: { name: 'ASC' } })).map((p) => p.name)

await run({
  async connect() {
    await db.initialize()
  },
  async synchronize() {
    await db.synchronize()
  },
  async nothing_left_to_synchronize() {
    equal((await db.driver.createSchemaBuilder().log()).upQueries.map((q) => q.query), [])
  },
  async crud() {
    const [home] = await of('Category').save([{ name: 'home', children: [{ name: 'kitchen' }] }])
    const lamp = await of('Product').save({ name: 'lamp', price: '9.99', details: { watt: 40, colours: ['red', 'blue'] }, keywords: ['light', 'desk'],
      labels: [{ name: 'new' }, { name: 'sale' }], category: home })
    equal([lamp.code.length, lamp.active, lamp.state, lamp.version], [36, true, 'open', 1])
    const table = await of('Product').save({ name: 'Table', price: 120, weight: 12.5, keywords: ['wood'] })
    lamp.price = '8.00'
    await of('Product').save(lamp)
    const again = await of('Product').findOneByOrFail({ id: lamp.id })
    equal([again.price, again.gross, again.version], ['8.00', '16.00', 2])
    await of('Customer').save({ email: 'anna@example.org', orders: [{ placedOn: '2024-02-29', lines: [
      { position: 1, product: lamp, quantity: 2, price: 8 }, { position: 2, product: table, quantity: 1, price: 120 }] }] })
    await of('Product').softDelete({ name: 'Table' })
    equal([await of('Product').count(), await of('Product').count({ withDeleted: true })], [1, 2])
    await of('Product').restore({ name: 'Table' })
    await of('Product').increment({ name: 'Table' }, 'weight', 2)
  },
  async eager_loading() {
    const [order] = await of('Order').find({ relations: { lines: true, customer: true }, order: { lines: { position: 'ASC' } } })
    equal(order.lines.map((l) => [l.product.name, l.quantity]), [['lamp', 2], ['Table', 1]])
    equal([order.customer.email, order.placedOn], ['anna@example.org', '2024-02-29'])
    const lamp = await of('Product').findOne({ where: { labels: { name: 'new' } }, relations: { category: { children: true } } })
    equal(lamp.category.children[0].name, 'kitchen')
    equal((await of('Product').find({ relations: { labels: true }, relationLoadStrategy: 'query', order: { id: 'ASC' } })).map((p) => p.labels.length), [2, 0])
  },
  async queries() {
    equal(await names({ name: ILike('%TAB%') }), ['Table'])
    equal(await names([{ price: LessThan(10) }, { weight: MoreThan(10) }]), ['Table', 'lamp'])
    equal(await names({ id: In([]) }), [])
    equal(await names({ weight: IsNull() }), ['lamp'])
    equal(await names({ keywords: ArrayContains(['desk']) }), ['lamp'])
    equal(await names({ details: Raw((d) => `${d} ->> 'watt' = :watt`, { watt: '40' }) }), ['lamp'])
    const q = of('Line').createQueryBuilder('l').innerJoin('l.order', 'o').select('o.id', 'id').addSelect('SUM(l.quantity * l.price)', 'total')
      .groupBy('o.id').having('COUNT(*) > :n', { n: 1 })
    equal(await q.getRawMany(), [{ id: 1, total: '136' }])
    const sub = of('Product').createQueryBuilder('p').where((s) => 'p.id IN ' + s.subQuery().select('l.product').from('Line', 'l').where('l.quantity > 1').getQuery())
    equal((await sub.getMany()).map((p) => p.name), ['lamp'])
    equal((await of('Cheap').find()).map((c) => c.name), ['lamp'])
    equal((await of('Product').maximum('weight')), 14.5)
    equal((await of('Product').findAndCount({ order: { name: 'ASC' }, skip: 1, take: 1, relations: { labels: true } }))[1], 2)
    const cte = await db.createQueryBuilder().addCommonTableExpression('SELECT generate_series(1, 3) AS n', 'c').from('c', 'c').select('SUM(c.n)', 's').getRawOne()
    equal(cte, { s: '6' })
  },
  async bulk_and_upserts() {
    const made = await of('Label').insert(Array.from({ length: 1000 }, (_, n) => ({ name: `l${n}` })))
    equal(made.identifiers[999].id - made.identifiers[0].id, 999)
    equal((await of('Label').createQueryBuilder().delete().where("name LIKE 'l%'").execute()).affected, 1000)
    await of('Label').upsert([{ name: 'sale' }, { name: 'fresh' }], ['name'])
    await of('Label').createQueryBuilder().insert().values({ name: 'sale' }).orIgnore().execute()
    equal(await of('Label').count(), 3)
    const changed = await of('Product').createQueryBuilder().update().set({ state: 'closed' }).where({ name: 'lamp' }).returning(['state']).execute()
    equal(changed.raw, [{ state: 'closed' }])
    let sum = 0
    for await (const row of await of('Label').createQueryBuilder('l').stream()) sum += row.l_id > 0
    equal(sum, 3)
  },
  async transactions() {
    await db.transaction(async (m) => {
      await m.save('Label', { name: 'one' })
      const error = await rejects(m.transaction((inner) => inner.insert('Label', { name: 'one' })))
      equal([error.name, error.code], ['QueryFailedError', '23505'])
      await m.transaction((inner) => inner.save('Label', { name: 'two' }))
      equal((await m.find('Label', { lock: { mode: 'pessimistic_write' } })).length, 5)
    })
    await rejects(db.transaction('SERIALIZABLE', async (m) => { await m.delete('Label', { name: 'one' }); throw new Error('back') }))
    equal(await of('Label').count(), 5)
  },
  async errors_and_locking() {
    equal((await rejects(of('Product').update({ name: 'lamp' }, { price: -1 }))).driverError.constraint, 'product_price_check')
    equal((await rejects(of('Line').insert({ orderId: 99, position: 1, quantity: 1, price: 1 }))).driverError.code, '23503')
    equal((await rejects(of('Order').findOneOrFail({ where: { id: 99 } }))).name, 'EntityNotFoundError')
    equal((await rejects(of('Product').findOne({ where: { name: 'lamp' }, lock: { mode: 'optimistic', version: 1 } }))).name, 'OptimisticLockVersionMismatchError')
  },
  async introspection() {
    const q = db.createQueryRunner()
    const table = await q.getTable('product')
    equal(table.columns.map((c) => c.name).sort().slice(0, 5), ['active', 'categoryId', 'code', 'createdAt', 'deletedAt'])
    equal([table.findColumnByName('name').comment, table.findColumnByName('name').length, table.findColumnByName('state').enum],
      ['as customers see it', '100', ['open', 'closed']])
    equal(table.foreignKeys.map((f) => [f.referencedTableName.split('.').pop(), f.onDelete]), [['category', 'SET NULL']])
    equal(table.checks.map((c) => c.name), ['product_price_check'])
    equal([await q.hasTable('nothing'), await q.hasColumn('product', 'price')], [false, true])
    await q.release()
  },
  async migrations() {
    equal((await db.runMigrations({ transaction: 'each' })).length, 2)
    equal(await db.query('SELECT name, cents, kind FROM depot ORDER BY id'), [{ name: 'a', cents: '12.50', kind: 'big' }, { name: 'b', cents: '40.00', kind: 'big' }])
    await db.undoLastMigration()
    equal(await db.query('SELECT title, cents FROM depot ORDER BY id'), [{ title: 'a', cents: 1250 }, { title: 'b', cents: 4000 }])
    await db.undoLastMigration()
    equal(await db.showMigrations(), true)
    await db.dropDatabase()
    await db.destroy()
  },
})
