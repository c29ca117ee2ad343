// Prisma's commands by their engine in WebAssembly, over node-postgres: the other one isn't in the packages.
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'

// The adapter doesn't know the catalogs' type "char" (18): it is taken for a text.
const address = {
  host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER, database: process.env.PGDATABASE,
}

function known(result) {
  for (const field of result?.fields ?? []) if (field.dataTypeID === 18) field.dataTypeID = 25
  return result
}

class Client extends pg.Client {
  query(...all) {
    const back = all.at(-1)
    if (typeof back === 'function') return super.query(...all.slice(0, -1), (error, result) => back(error, known(result)))
    return super.query(...all).then(known)
  }
}

export default {
  schema: new URL('schema.prisma', import.meta.url).pathname,
  migrations: { path: new URL('migrations', import.meta.url).pathname },
  experimental: { adapter: true },
  engine: 'js',
  adapter: async () => new PrismaPg({ ...address, Client, max: 1 }),
}
