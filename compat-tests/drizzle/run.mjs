// Drizzle: drizzle-kit's migrations, push and pull, and the client over node-postgres.
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { and, arrayContains, asc, avg, count, desc, eq, exists, gt, ilike, inArray, sql, sum } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import { alias } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { address, equal, run } from '../harness/cases.mjs'

const modules = join(dirname(fileURLToPath(import.meta.url)), '..', 'node_modules')

// What drizzle-kit writes belongs to a copy of the project.
const project = mkdtempSync(join(tmpdir(), 'drizzle-'))
cpSync(join(process.env.EIDER_FOLDER, 'schema.mjs'), join(project, 'schema.mjs'))
symlinkSync(modules, join(project, 'node_modules'))
writeFileSync(join(project, 'package.json'), '{"type": "module"}')
writeFileSync(join(project, 'drizzle.config.json'), JSON.stringify({
  dialect: 'postgresql', schema: './schema.mjs', out: './out', dbCredentials: { ...address, ssl: false },
}))

const schema = await import(pathToFileURL(join(project, 'schema.mjs')))
const { categories, labels, productLabels, products } = schema

async function kit(...words) {
  const program = join(modules, 'drizzle-kit', 'bin.cjs')
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...words, '--config', 'drizzle.config.json'], { cwd: project })
    .catch((error) => { throw new Error(`${error.stdout} ${error.stderr}`.slice(-400)) })
  return stdout
}

const pool = new pg.Pool({ ...address, max: 4 })
const db = drizzle(pool, { schema })

async function failure(promise) {
  return promise.then(() => { throw new Error('no error') }, (error) => error.cause ?? error)
}

run({
  async migrations() {
    await kit('generate', '--name', 'first')
    await migrate(db, { migrationsFolder: join(project, 'out') })
    await migrate(db, { migrationsFolder: join(project, 'out') })
    equal((await db.execute(sql`SELECT count(*)::int AS n FROM drizzle.__drizzle_migrations`)).rows, [{ n: 1 }])
  },
  async push_finds_nothing_to_do() {
    equal((await kit('push', '--force')).includes('No changes detected'), true)
  },
  async pull() {
    await kit('pull')
    const pulled = readFileSync(join(project, 'out', 'schema.ts'), 'utf8')
    for (const piece of ['pgEnum("stage", [\'open\', \'paid\'])', 'numeric({ precision: 10, scale:  2 }).notNull()', 'generatedAlwaysAsIdentity', 'defaultRandom()', 'unique("name_in_category").on(', '.onDelete("cascade")', 'check("price_positive"', 'index("products_price").using("btree"', 'generatedAlwaysAs(sql`(price * (2)::numeric)`']) {
      equal([piece, pulled.includes(piece)], [piece, true])
    }
  },
  async crud() {
    const [lights] = await db.insert(categories).values({ name: 'lights' }).returning()
    const [lamp] = await db.insert(products).values({ name: 'lamp', price: '12.50', details: { watt: 40 }, keywords: ['desk', 'light'], categoryId: lights.id }).returning()
    equal([lamp.price, lamp.gross, lamp.details, lamp.keywords, lamp.active, lamp.stage, lamp.stock], ['12.50', '25.00', { watt: 40 }, ['desk', 'light'], true, 'open', 0])
    equal(Math.abs(Date.now() - lamp.madeAt.getTime()) < 60000, true)
    const [changed] = await db.update(products).set({ stage: 'paid', version: sql`${products.version} + 1` }).where(and(eq(products.id, lamp.id), eq(products.version, 0))).returning({ version: products.version, stage: products.stage })
    equal(changed, { version: 1, stage: 'paid' })
    // Optimistic locking: the version has moved on.
    equal((await db.update(products).set({ version: 2 }).where(and(eq(products.id, lamp.id), eq(products.version, 0)))).rowCount, 0)
  },
  async bulk_and_upserts() {
    const [lights] = await db.select().from(categories).where(eq(categories.name, 'lights'))
    const rows = Array.from({ length: 500 }, (_, n) => ({ name: `p${n}`, price: String(n + 1), keywords: n % 2 ? ['odd'] : [], categoryId: lights.id }))
    equal((await db.insert(products).values(rows)).rowCount, 500)
    await db.insert(labels).values([{ name: 'new' }, { name: 'sale' }])
    equal(await db.insert(labels).values([{ name: 'sale' }, { name: 'last' }]).onConflictDoNothing().returning({ name: labels.name }), [{ name: 'last' }])
    const [again] = await db.insert(products).values({ name: 'p1', price: '99', categoryId: lights.id }).onConflictDoUpdate({ target: [products.name, products.categoryId], set: { price: sql`excluded.price` }, setWhere: gt(products.price, '1') }).returning({ price: products.price })
    equal(again.price, '99.00')
    const [lamp] = await db.select().from(products).where(eq(products.name, 'lamp'))
    await db.insert(productLabels).select(db.select({ productId: sql`${lamp.id}`.as('product_id'), labelId: labels.id }).from(labels).where(inArray(labels.name, ['new', 'sale'])))
  },
  async relations() {
    const found = await db.query.products.findFirst({
      where: eq(products.name, 'lamp'), columns: { name: true, price: true },
      with: { category: { columns: { name: true } }, labels: { with: { label: true }, orderBy: asc(productLabels.labelId) } },
    })
    equal([found.name, found.price, found.category.name, found.labels.map((one) => one.label.name)], ['lamp', '12.50', 'lights', ['new', 'sale']])
    const all = await db.query.categories.findMany({ with: { products: { where: gt(products.price, '498'), orderBy: desc(products.price), limit: 2 } } })
    equal(all[0].products.map((one) => one.name), ['p499', 'p498'])
  },
  async queries() {
    const page = await db.select({ name: products.name }).from(products).where(ilike(products.name, 'P%')).orderBy(desc(products.price)).limit(2).offset(1)
    equal(page.map((one) => one.name), ['p498', 'p497'])
    equal((await db.select().from(products).where(arrayContains(products.keywords, ['desk']))).map((one) => one.name), ['lamp'])
    const parent = alias(categories, 'parent')
    equal(await db.select({ name: categories.name, parent: parent.name }).from(categories).leftJoin(parent, eq(parent.id, categories.parentId)), [{ name: 'lights', parent: null }])
    const cheap = db.$with('cheap').as(db.select().from(products).where(sql`${products.price} < 3`))
    equal((await db.with(cheap).select({ name: cheap.name }).from(cheap).orderBy(cheap.name)).map((one) => one.name), ['p0'])
    equal(await db.$count(products, eq(products.active, true)), 501)
    const some = db.select().from(productLabels).where(eq(productLabels.productId, products.id))
    equal((await db.select({ name: products.name }).from(products).where(exists(some))), [{ name: 'lamp' }])
  },
  async aggregates() {
    const [all] = await db.select({ n: count(), total: sum(products.price), middle: avg(products.stock) }).from(products).where(ilike(products.name, 'p%')).groupBy(products.stage).having(({ n }) => gt(n, 10))
    equal([all.n, all.total, Number(all.middle)], [500, '125347.00', 0])
  },
  async transactions() {
    await db.transaction(async (t) => {
      await t.insert(labels).values({ name: 'one' })
      const error = await failure(t.transaction(async (inner) => {
        await inner.insert(labels).values({ name: 'two' })
        await inner.insert(labels).values({ name: 'one' })
      }))
      equal([error.code, error.constraint], ['23505', 'labels_name_unique'])
      await t.insert(labels).values({ name: 'three' })
    }, { isolationLevel: 'serializable' })
    equal((await db.select().from(labels).orderBy(labels.name)).map((one) => one.name), ['last', 'new', 'one', 'sale', 'three'])
    await failure(db.transaction(async (t) => {
      await t.delete(labels)
      t.rollback()
    }))
    equal(await db.$count(labels), 5)
  },
  async errors_and_locking() {
    const error = await failure(db.insert(products).values({ name: 'x', price: '-1', categoryId: 1 }))
    equal([error.code, error.constraint], ['23514', 'price_positive'])
    equal((await failure(db.insert(products).values({ name: 'x', price: '1', categoryId: 999 }))).code, '23503')
    await db.transaction(async (t) => {
      equal((await t.select().from(labels).where(eq(labels.name, 'one')).for('update', { skipLocked: true })).length, 1)
    })
  },
  async prepared() {
    const by_name = db.select({ price: products.price }).from(products).where(eq(products.name, sql.placeholder('name'))).prepare('by_name')
    for (let n = 2; n < 10; n++) equal(await by_name.execute({ name: `p${n}` }), [{ price: `${n + 1}.00` }])
  },
  async cascade() {
    await db.delete(categories)
    equal([await db.$count(products), await db.$count(productLabels)], [0, 0])
  },
}, 40)
