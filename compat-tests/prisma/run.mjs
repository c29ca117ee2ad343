// Prisma: its migrations and its introspection, and its client with the adapter for node-postgres.
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PrismaPg } from '@prisma/adapter-pg'
import { address, equal, run } from '../harness/cases.mjs'

const require = createRequire(import.meta.url)
const here = dirname(fileURLToPath(import.meta.url))
const modules = join(here, '..', 'node_modules')

// The commands and the generated client belong to a copy of the project.
const project = mkdtempSync(join(tmpdir(), 'prisma-'))
for (const name of ['schema.prisma', 'prisma.config.mjs', 'migrations']) {
  cpSync(join(process.env.EIDER_FOLDER, name), join(project, name), { recursive: true })
}
symlinkSync(modules, join(project, 'node_modules'))

function start(...words) {
  const environment = { ...process.env, DATABASE_URL: 'postgres://localhost/unused', CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1', NO_COLOR: '1' }
  const options = { cwd: project, env: environment }
  const running = promisify(execFile)(process.execPath, [require.resolve('prisma/build/index.js'), ...words], options)
  // It waits for the end of what it could be told.
  running.child.stdin.end()
  return running
}

async function prisma(...words) {
  const { stdout } = await start(...words).catch((error) => { throw new Error(`${error.stdout} ${error.stderr}`.slice(-400)) })
  return stdout
}

let client
async function connect() {
  if (!client) {
    await prisma('generate')
    const { PrismaClient } = require(join(project, 'client'))
    client = new PrismaClient({ adapter: new PrismaPg({ ...address, max: 4 }) })
  }
  return client
}

async function failure(promise) {
  return promise.then(() => { throw new Error('no error') }, (error) => error)
}

run({
  async migrate_deploy() {
    const told = await prisma('migrate', 'deploy')
    equal(told.includes('All migrations have been successfully applied'), true)
    equal((await prisma('migrate', 'deploy')).includes('No pending migrations'), true)
  },
  async migrate_status() {
    equal((await prisma('migrate', 'status')).includes('Database schema is up to date'), true)
  },
  async migrations_match_the_schema() {
    // The engine's search for changes that would lose data has a limit of 60 s. Which of the two it asks first is left to chance, and
    // a clock that was asked isn't stopped: the command says all it has to say and stays for the rest of the minute. It does so at
    // PostgreSQL as well, for one number of comment lines in the schema and not for another. So the answer ends this, not the end.
    const pushing = start('db', 'push', '--skip-generate')
    pushing.catch(() => {})
    let said = ''
    for await (const piece of pushing.child.stdout) {
      said += piece
      if (said.includes('already in sync')) break
    }
    pushing.child.kill()
    equal([said, said.includes('already in sync')], [said, true])
  },
  async db_pull() {
    const pulled = await prisma('db', 'pull', '--print')
    for (const piece of ['@db.Decimal(10, 2)', '@default(dbgenerated("gen_random_uuid()")) @db.Uuid', '@@index([price(sort: Desc), name])', 'enum Stage', 'onDelete: Cascade', '@@unique([name, categoryId])', '@relation("LabelToProduct")']) {
      equal([piece, pulled.includes(piece)], [piece, true])
    }
  },
  async create() {
    const db = await connect()
    const lights = await db.category.create({ data: { name: 'lights', children: { create: [{ name: 'desk lights' }] } }, include: { children: true } })
    equal(lights.children[0].parentId, lights.id)
    const lamp = await db.product.create({
      data: { name: 'lamp', price: '12.50', weight: 1.5, stock: 5n, details: { watt: 40, colours: ['red'] }, keywords: ['desk', 'light'], picture: new Uint8Array([0, 255]), categoryId: lights.id, labels: { create: [{ name: 'new' }, { name: 'sale' }] } },
      include: { labels: true },
    })
    equal([lamp.price.toString(), lamp.weight, lamp.stock, lamp.stage, lamp.labels.length, lamp.keywords], ['12.5', 1.5, 5n, 'OPEN', 2, ['desk', 'light']])
    equal([[...lamp.picture], lamp.details], [[0, 255], { watt: 40, colours: ['red'] }])
    equal(Math.abs(Date.now() - lamp.madeAt.getTime()) < 60000, true)
  },
  async queries() {
    const db = await connect()
    const lights = await db.category.findUniqueOrThrow({ where: { name: 'lights' } })
    await db.product.createMany({ data: Array.from({ length: 50 }, (_, n) => ({ name: `p${n}`, price: n + 1, keywords: n % 2 ? ['odd'] : [], categoryId: lights.id })) })
    equal(await db.product.count({ where: { price: { gte: 10, lt: 20 } } }), 11)
    equal((await db.product.findMany({ where: { keywords: { has: 'odd' } }, orderBy: { price: 'desc' }, take: 2, skip: 1 })).map((p) => p.name), ['p47', 'p45'])
    equal((await db.product.findMany({ where: { name: { contains: 'LAM', mode: 'insensitive' } }, include: { category: true, labels: { orderBy: { name: 'asc' } } } })).map((p) => [p.category.name, p.labels.map((l) => l.name)]), [['lights', ['new', 'sale']]])
    equal((await db.product.findMany({ where: { details: { path: ['watt'], equals: 40 } } })).map((p) => p.name), ['lamp'])
    equal((await db.category.findMany({ where: { products: { some: { labels: { some: { name: 'sale' } } } } } })).map((c) => c.name), ['lights'])
    const page = await db.product.findMany({ cursor: { name_categoryId: { name: 'p10', categoryId: lights.id } }, orderBy: { id: 'asc' }, take: 3, select: { name: true } })
    equal(page.map((p) => p.name), ['p10', 'p11', 'p12'])
  },
  async aggregates() {
    const db = await connect()
    const all = await db.product.aggregate({ _count: true, _sum: { price: true }, _avg: { weight: true }, _max: { name: true }, where: { name: { startsWith: 'p' } } })
    equal([all._count, all._sum.price.toString(), all._max.name], [50, '1275', 'p9'])
    const groups = await db.product.groupBy({ by: ['stage'], _count: { _all: true }, having: { price: { _max: { gt: 20 } } } })
    equal(groups, [{ stage: 'OPEN', _count: { _all: 51 } }])
  },
  async changes() {
    const db = await connect()
    const changed = await db.product.updateMany({ where: { name: { in: ['p1', 'p2'] } }, data: { stage: 'PAID', version: { increment: 1 } } })
    equal(changed.count, 2)
    // Optimistic locking.
    equal((await db.product.updateMany({ where: { name: 'p1', version: 0 }, data: { version: 1 } })).count, 0)
    const lights = await db.category.findUniqueOrThrow({ where: { name: 'lights' } })
    const key = { name_categoryId: { name: 'p1', categoryId: lights.id } }
    const put = (name) => db.product.upsert({ where: { name_categoryId: { name, categoryId: lights.id } }, create: { name, price: 1, categoryId: lights.id }, update: { keywords: { push: 'again' } } })
    equal([(await put('p1')).keywords, (await put('fresh')).keywords], [['odd', 'again'], []])
    equal((await db.product.delete({ where: key })).stage, 'PAID')
    equal((await db.label.createMany({ data: [{ name: 'sale' }, { name: 'last' }], skipDuplicates: true })).count, 1)
  },
  async errors() {
    const db = await connect()
    const twice = await failure(db.label.create({ data: { name: 'sale' } }))
    equal(twice.code, 'P2002')
    equal((await failure(db.product.create({ data: { name: 'x', price: 1, categoryId: 99999 } }))).code, 'P2003')
    equal((await failure(db.label.delete({ where: { name: 'nothing' } }))).code, 'P2025')
    equal((await failure(db.$queryRaw`SELECT nothing`)).code, 'P2010')
  },
  async transactions() {
    const db = await connect()
    await failure(db.$transaction([db.label.create({ data: { name: 'one' } }), db.label.create({ data: { name: 'sale' } })]))
    equal(await db.label.count({ where: { name: 'one' } }), 0)
    await db.$transaction(async (t) => {
      await t.label.create({ data: { name: 'two' } })
      equal((await t.$queryRaw`SHOW transaction_isolation`)[0].transaction_isolation, 'serializable')
    }, { isolationLevel: 'Serializable' })
    await failure(db.$transaction(async (t) => {
      await t.label.deleteMany()
      throw new Error('back')
    }))
    equal(await db.label.count(), 4)
  },
  async raw() {
    const db = await connect()
    const rows = await db.$queryRaw`SELECT name, price, made_at IS NULL AS n FROM (SELECT name, price, "madeAt" AS made_at FROM products) AS p WHERE price > ${49} AND name LIKE ${'p%'} ORDER BY 1`
    equal(rows.map((row) => [row.name, row.price.toString(), row.n]), [['p49', '50', false]])
    equal(await db.$executeRaw`UPDATE products SET weight = ${2.5} WHERE name = 'lamp'`, 1)
  },
  async cascade_and_end() {
    const db = await connect()
    await db.category.deleteMany({ where: { parentId: { not: null } } })
    await db.category.delete({ where: { name: 'lights' } })
    equal(await db.product.count(), 0)
    await db.$disconnect()
  },
}, 40)
