// Sequelize: models with associations, sync and the query interface's migrations, and queries.
import { DataTypes, Model, Op, QueryTypes, Sequelize, Transaction } from 'sequelize'
import { address, equal, run } from '../harness/cases.mjs'

const db = new Sequelize(address.database, address.user, '', {
  host: address.host, port: address.port, dialect: 'postgres', logging: false, pool: { min: 0, max: 4 } })

class Label extends Model {}
Label.init({ name: { type: DataTypes.STRING(40), allowNull: false, unique: true } }, { sequelize: db, timestamps: false })

class Category extends Model {}
Category.init({ name: DataTypes.TEXT }, { sequelize: db, timestamps: false })
Category.hasMany(Category, { as: 'children', foreignKey: 'parentId' })
Category.belongsTo(Category, { as: 'parent', foreignKey: 'parentId' })

class Product extends Model {}
Product.init({
  code: { type: DataTypes.UUID, defaultValue: DataTypes.UUIDV4, unique: 'Products_code_key' },
  name: { type: DataTypes.STRING(100), allowNull: false, comment: 'as customers see it', validate: { len: [1, 100] } },
  price: { type: DataTypes.DECIMAL(10, 2), allowNull: false },
  weight: DataTypes.DOUBLE,
  details: { type: DataTypes.JSONB, allowNull: false, defaultValue: {} },
  keywords: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
  state: { type: DataTypes.ENUM('open', 'closed'), defaultValue: 'open' },
  active: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: true },
}, { sequelize: db, paranoid: true, version: true, indexes: [
  { fields: ['price', { name: 'name', order: 'DESC' }] },
  { fields: ['details'], using: 'gin' },
  { fields: [Sequelize.fn('lower', Sequelize.col('name'))], name: 'product_lower_name' },
  { unique: true, fields: ['name'], where: { active: true }, name: 'product_active_name' },
] })
Product.belongsTo(Category)
Product.belongsToMany(Label, { through: 'Labelled' })
Label.belongsToMany(Product, { through: 'Labelled' })

class Customer extends Model {}
Customer.init({ email: { type: DataTypes.STRING, unique: true } }, { sequelize: db, underscored: true })
class Order extends Model {}
Order.init({ placedOn: DataTypes.DATEONLY, id: { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true } }, { sequelize: db, timestamps: false })
class Line extends Model {}
Line.init({ position: { type: DataTypes.SMALLINT, primaryKey: true }, quantity: DataTypes.INTEGER, price: DataTypes.DECIMAL(10, 2),
  OrderId: { type: DataTypes.BIGINT, primaryKey: true } }, { sequelize: db, timestamps: false })
Customer.hasMany(Order, { onDelete: 'CASCADE' })
Order.belongsTo(Customer)
Order.hasMany(Line, { onDelete: 'CASCADE' })
Line.belongsTo(Order)
Line.belongsTo(Product, { onDelete: 'RESTRICT' })
class Thing extends Model {}
Thing.init({
  big: DataTypes.BIGINT, exact: DataTypes.DECIMAL, real: DataTypes.REAL, double: DataTypes.DOUBLE, text: DataTypes.TEXT,
  fixed: DataTypes.CHAR(5), data: DataTypes.BLOB, day: DataTypes.DATEONLY, clock: DataTypes.TIME, moment: DataTypes.DATE,
  flag: DataTypes.BOOLEAN, key: DataTypes.UUID, document: DataTypes.JSON, numbers: DataTypes.ARRAY(DataTypes.INTEGER),
  moments: DataTypes.ARRAY(DataTypes.DATE)
}, { sequelize: db, timestamps: false })

async function rejects(promise) {
  try { await promise } catch (error) { return error }
  throw new Error('no error')
}
const names = async (options) => (await Product.findAll({ order: ['name'], ...options })).map((p) => p.name)

await run({
  async connect() {
    await db.authenticate()
    equal((await db.databaseVersion()).startsWith('15.'), true)
  },
  async sync() {
    await db.sync({ force: true })
    await db.sync({ force: true })
    await db.sync({ alter: true })
    equal((await db.getQueryInterface().showAllTables()).length, 8)
  },
  async describe() {
    const q = db.getQueryInterface()
    const table = await q.describeTable('Products')
    equal([table.id.primaryKey, table.id.autoIncrement ?? table.id.defaultValue.startsWith('nextval'), table.name.type, table.name.comment, table.name.allowNull],
      [true, true, 'CHARACTER VARYING(100)', 'as customers see it', false])
    equal([table.state.special, table.state.defaultValue], [['open', 'closed'], 'open'])
    const indexes = await q.showIndex('Products')
    equal(indexes.map((i) => i.name).sort(), ['Products_code_key', 'Products_pkey', 'product_active_name', 'product_lower_name', 'products_details', 'products_price_name'])
    equal(indexes.find((i) => i.primary).fields[0].attribute, 'id')
    equal((await q.showConstraint('Lines')).map((c) => c.constraintName).filter((name) => !name.endsWith('not_null')).sort(), ['Lines_OrderId_fkey', 'Lines_ProductId_fkey', 'Lines_pkey'])
    const keys = await q.getForeignKeyReferencesForTable('Lines')
    equal(keys.map((f) => [f.columnName, f.referencedTableName]).sort(), [['OrderId', 'Orders'], ['ProductId', 'Products']])
  },
  async crud() {
    const home = await Category.create({ name: 'home', children: [{ name: 'kitchen' }] }, { include: 'children' })
    const lamp = await Product.create({ name: 'lamp', price: '9.99', details: { watt: 40, colours: ['red', 'blue'] },
      keywords: ['light', 'desk'], Labels: [{ name: 'new' }, { name: 'sale' }], CategoryId: home.id }, { include: [Label] })
    const table = await Product.create({ name: 'Table', price: 120, weight: 12.5, keywords: ['wood'] })
    await lamp.update({ price: 8 })
    await lamp.reload()
    equal([lamp.price, lamp.state, lamp.active, lamp.version], ['8.00', 'open', true, 1])
    const anna = await Customer.create({ email: 'anna@example.org' })
    await anna.createOrder({ placedOn: '2024-02-29', Lines: [
      { position: 1, ProductId: lamp.id, quantity: 2, price: 8 }, { position: 2, ProductId: table.id, quantity: 1, price: 120 }] }, { include: [Line] })
    const [found, made] = await Customer.findOrCreate({ where: { email: 'anna@example.org' } })
    equal([found.id, made], [anna.id, false])
    // A row that isn't there is made by a function in PL/pgSQL, which catches that somebody else has made it.
    const [berta, isNew] = await Customer.findOrCreate({ where: { email: 'berta@example.org' } })
    equal([berta.email, isNew, berta.id > anna.id], ['berta@example.org', true, true])
    const both = await Promise.all([1, 2, 3].map(() => Customer.findOrCreate({ where: { email: 'carla@example.org' } })))
    equal([both.filter(([, fresh]) => fresh).length, new Set(both.map(([row]) => row.id)).size], [1, 1])
    await Customer.destroy({ where: { email: ['berta@example.org', 'carla@example.org'] } })
    equal(await Product.count(), 2)
    await table.destroy()
    equal([await Product.count(), await Product.count({ paranoid: false })], [1, 2])
    await table.restore()
    await table.increment('weight', { by: 2 })
    equal((await table.reload()).weight, 14.5)
  },
  async eager_loading() {
    const [order] = await Order.findAll({ include: [{ model: Line, include: [Product] }, Customer], order: [[Line, 'position', 'ASC']] })
    equal(order.Lines.map((l) => [l.Product.name, l.quantity]), [['lamp', 2], ['Table', 1]])
    equal(order.Customer.email, 'anna@example.org')
    const lamp = await Product.findOne({ where: { name: 'lamp' }, include: [{ model: Label, where: { name: 'new' } }, { model: Category, include: 'children' }] })
    equal([lamp.Labels.length, lamp.Category.children[0].name], [1, 'kitchen'])
    equal((await Order.findAll({ include: [{ model: Line, separate: true, order: ['position'], limit: 1 }], limit: 1 }))[0].Lines.length, 1)
    equal((await Product.findAndCountAll({ include: Label, limit: 1, order: ['id'], distinct: true })).count, 2)
  },
  async queries() {
    equal(await names({ where: { name: { [Op.iLike]: '%TAB%' } } }), ['Table'])
    equal(await names({ where: { [Op.or]: [{ price: { [Op.lt]: 10 } }, { weight: { [Op.between]: [10, 20] } }] } }), ['Table', 'lamp'])
    equal(await names({ where: { id: { [Op.in]: [] } } }), [])
    equal(await names({ where: { name: { [Op.regexp]: '^[a-z]+$' } } }), ['lamp'])
    equal(await names({ where: { weight: null } }), ['lamp'])
    equal(await names({ where: Sequelize.where(Sequelize.fn('lower', Sequelize.col('name')), 'table') }), ['Table'])
    equal(await names({ where: { '$Category.name$': 'home' }, include: Category }), ['lamp'])
    equal(await db.query('SELECT name FROM "Products" WHERE price > :low AND name = ANY(ARRAY[:names])',
      { replacements: { low: 1, names: ['lamp'] }, type: QueryTypes.SELECT }), [{ name: 'lamp' }])
    equal(await db.query('SELECT $1::int + 1 AS n', { bind: [1], type: QueryTypes.SELECT, plain: true }), { n: 2 })
  },
  async aggregates() {
    const rows = await Line.findAll({ attributes: ['OrderId', [Sequelize.fn('SUM', Sequelize.literal('quantity * price')), 'total'],
      [Sequelize.fn('COUNT', Sequelize.col('position')), 'n']], group: ['OrderId'], having: Sequelize.literal('COUNT(*) > 1'), raw: true })
    equal(rows, [{ OrderId: '1', total: '136.00', n: '2' }])
    equal([await Product.max('name'), await Product.sum('weight'), await Product.count({ distinct: true, col: 'state' })], ['lamp', 14.5, 1])
  },
  async json_and_arrays() {
    equal(await names({ where: { details: { watt: 40 } } }), ['lamp'])
    equal(await names({ where: { 'details.watt': { [Op.gt]: 30 } } }), ['lamp'])
    equal(await names({ where: { details: { [Op.contains]: { watt: 40 } } } }), ['lamp'])
    equal(await names({ where: { keywords: { [Op.contains]: ['desk'] } } }), ['lamp'])
    equal(await names({ where: { keywords: { [Op.overlap]: ['wood', 'iron'] } } }), ['Table'])
    equal((await Product.findOne({ where: { name: 'lamp' } })).details.colours, ['red', 'blue'])
  },
  async types() {
    const values = { big: '4611686018427387904', exact: '12345678901234567890.0012', real: 1.5, double: 0.1, text: "é日本\n'\\", fixed: 'ab   ',
      data: Buffer.from([0, 1, 255]), day: '2024-02-29', clock: '10:30:01', moment: new Date('2024-02-29T12:34:56.789Z'), flag: false,
      key: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', document: { a: [1, null, 'é'] }, numbers: [1, 2], moments: [new Date(0)] }
    const full = await Thing.findByPk((await Thing.create(values)).id)
    const empty = await Thing.findByPk((await Thing.create({})).id)
    for (const name of Object.keys(values)) equal([name, full[name], empty[name]], [name, values[name], null])
  },
  async bulk_and_upserts() {
    const made = await Label.bulkCreate(Array.from({ length: 1000 }, (_, n) => ({ name: `l${n}` })), { returning: true })
    equal([made.length, made[999].id - made[0].id], [1000, 999])
    equal(await Label.destroy({ where: { name: { [Op.startsWith]: 'l' } } }), 1000)
    await Label.bulkCreate([{ name: 'new' }, { name: 'fresh' }], { ignoreDuplicates: true })
    const [label] = await Label.upsert({ name: 'fresh' }, { conflictFields: ['name'] })
    equal(label.name, 'fresh')
    const [count, [changed]] = await Product.update({ state: 'closed' }, { where: { name: 'lamp' }, returning: true })
    equal([count, changed.state], [1, 'closed'])
    await Label.truncate({ cascade: true, restartIdentity: true })
    equal((await Label.create({ name: 'first' })).id, 1)
  },
  async transactions() {
    await db.transaction(async (t) => {
      await Label.create({ name: 'one' }, { transaction: t })
      const error = await rejects(db.transaction({ transaction: t }, (inner) => Label.create({ name: 'one' }, { transaction: inner })))
      equal([error.name, error.parent.constraint, error.fields], ['SequelizeUniqueConstraintError', 'Labels_name_key', { name: 'one' }])
      await db.transaction({ transaction: t }, (inner) => Label.create({ name: 'two' }, { transaction: inner }))
      await Label.findOne({ where: { name: 'one' }, lock: t.LOCK.UPDATE, skipLocked: true, transaction: t })
    })
    await rejects(db.transaction(async (t) => { await Label.destroy({ where: {}, transaction: t }); throw new Error('back') }))
    equal(await Label.count(), 3)
    await db.transaction({ isolationLevel: Transaction.ISOLATION_LEVELS.SERIALIZABLE }, async (t) => {
      equal(await db.query('SHOW transaction_isolation', { transaction: t, type: QueryTypes.SELECT }), [{ transaction_isolation: 'serializable' }])
    })
  },
  async errors_and_locking() {
    equal((await rejects(Line.create({ OrderId: 99, position: 1, quantity: 1, price: 1 }))).name, 'SequelizeForeignKeyConstraintError')
    equal((await rejects(Product.create({ price: 1 }))).name, 'SequelizeValidationError')
    equal((await rejects(db.query('SELECT nothing FROM "Labels"'))).parent.code, '42703')
    equal((await rejects(db.query(`UPDATE "Products" SET state = 'lost'`))).parent.code, '22P02')
    const [one, two] = [await Product.findOne({ where: { name: 'lamp' } }), await Product.findOne({ where: { name: 'lamp' } })]
    await one.update({ price: 7 })
    equal((await rejects(two.update({ price: 6 }))).name, 'SequelizeOptimisticLockError')
  },
  async migrations() {
    const q = db.getQueryInterface()
    await q.createTable('depots', { id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true }, title: DataTypes.STRING(10), cents: DataTypes.INTEGER })
    await q.bulkInsert('depots', [{ title: 'a', cents: 1250 }, { title: 'b', cents: 4000 }])
    await db.transaction(async (transaction) => {
      await q.renameColumn('depots', 'title', 'name', { transaction })
      await q.changeColumn('depots', 'name', { type: DataTypes.STRING(40), allowNull: false, defaultValue: 'none' }, { transaction })
      await q.addColumn('depots', 'kind', { type: DataTypes.ENUM('big', 'small'), defaultValue: 'big' }, { transaction })
      await q.addColumn('depots', 'ProductId', { type: DataTypes.INTEGER, references: { model: 'Products', key: 'id' }, onDelete: 'SET NULL' }, { transaction })
      await q.addIndex('depots', ['name', 'kind'], { unique: true, name: 'depots_name', transaction })
      await q.addConstraint('depots', { type: 'check', fields: ['cents'], name: 'depots_cents', where: { cents: { [Op.gte]: 0 } }, transaction })
    })
    await q.changeColumn('depots', 'cents', { type: DataTypes.DECIMAL(10, 2) })
    equal(await db.query('SELECT name, cents, kind FROM depots ORDER BY id', { type: QueryTypes.SELECT }),
      [{ name: 'a', cents: '1250.00', kind: 'big' }, { name: 'b', cents: '4000.00', kind: 'big' }])
    await q.removeConstraint('depots', 'depots_cents')
    await q.removeIndex('depots', 'depots_name')
    await q.removeColumn('depots', 'ProductId', {})
    await q.removeColumn('depots', 'kind', {})
    await q.renameTable('depots', 'stores')
    equal(Object.keys(await q.describeTable('stores')), ['id', 'name', 'cents'])
    await q.dropTable('stores', {})
    await q.createSchema('other')
    equal((await q.showAllSchemas()).includes('other'), true)
    await q.dropSchema('other')
    await db.drop({})
    equal(await q.showAllTables(), [])
    await db.close()
  },
})
