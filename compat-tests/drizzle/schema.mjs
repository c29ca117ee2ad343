// The models, for the client and for drizzle-kit.
import { relations, sql } from 'drizzle-orm'
import { bigint, boolean, check, index, integer, jsonb, numeric, pgEnum, pgTable, primaryKey, serial, text, timestamp, unique, uuid, varchar } from 'drizzle-orm/pg-core'

export const stage = pgEnum('stage', ['open', 'paid'])

export const categories = pgTable('categories', {
  id: serial().primaryKey(),
  name: text().notNull().unique(),
  parentId: integer('parent_id').references(() => categories.id, { onDelete: 'set null' }),
})

export const products = pgTable('products', {
  id: integer().primaryKey().generatedAlwaysAsIdentity(),
  code: uuid().notNull().defaultRandom(),
  name: varchar({ length: 100 }).notNull(),
  price: numeric({ precision: 10, scale: 2 }).notNull(),
  stock: bigint({ mode: 'number' }).notNull().default(0),
  details: jsonb().notNull().default({}),
  keywords: text().array(),
  active: boolean().notNull().default(true),
  stage: stage().notNull().default('open'),
  madeAt: timestamp('made_at', { withTimezone: true }).notNull().defaultNow(),
  gross: numeric({ precision: 12, scale: 2 }).generatedAlwaysAs(sql`price * 2`),
  version: integer().notNull().default(0),
  categoryId: integer('category_id').notNull().references(() => categories.id, { onDelete: 'cascade' }),
}, (table) => [
  unique('name_in_category').on(table.name, table.categoryId),
  index('products_price').on(table.price.desc(), table.name),
  check('price_positive', sql`${table.price} > 0`),
])

export const labels = pgTable('labels', { id: serial().primaryKey(), name: text().notNull().unique() })

export const productLabels = pgTable('product_labels', {
  productId: integer('product_id').notNull().references(() => products.id, { onDelete: 'cascade' }),
  labelId: integer('label_id').notNull().references(() => labels.id, { onDelete: 'cascade' }),
}, (table) => [primaryKey({ columns: [table.productId, table.labelId] })])

export const categoryRelations = relations(categories, ({ many }) => ({ products: many(products) }))
export const productRelations = relations(products, ({ one, many }) => ({
  category: one(categories, { fields: [products.categoryId], references: [categories.id] }),
  labels: many(productLabels),
}))
export const productLabelRelations = relations(productLabels, ({ one }) => ({
  product: one(products, { fields: [productLabels.productId], references: [products.id] }),
  label: one(labels, { fields: [productLabels.labelId], references: [labels.id] }),
}))
