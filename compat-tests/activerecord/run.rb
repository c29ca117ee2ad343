# ActiveRecord: models of a shop, migrations up and down, the schema that is dumped, and queries.
require 'active_record'
require 'json'
require 'stringio'

ADDRESS = { adapter: 'postgresql', host: ENV['PGHOST'], port: ENV['PGPORT'], username: ENV['PGUSER'],
            database: ENV['PGDATABASE'], sslmode: 'disable', pool: 5 }.freeze
MIGRATIONS = File.join(ENV.fetch('EIDER_FOLDER', __dir__), 'migrations')
Base = ActiveRecord::Base
ActiveRecord::Migration.verbose = false

class Shop < Base
  has_many :products, dependent: :destroy
  validates :name, uniqueness: true
end

class Category < Base
  belongs_to :parent, class_name: 'Category', optional: true
  has_many :children, class_name: 'Category', foreign_key: :parent_id
end

class Product < Base
  belongs_to :shop
  belongs_to :category, optional: true
  has_and_belongs_to_many :labels
  has_many :order_lines
  enum stage: { open: 0, closed: 1 }, _suffix: true
  store_accessor :details, :watt
  scope :cheap, -> { where('price < ?', 20) }
end

class Label < Base
  has_and_belongs_to_many :products
end

class Customer < Base
  has_many :orders
  has_many :order_lines, through: :orders
end

class Order < Base
  belongs_to :customer
  has_many :order_lines
end

class OrderLine < Base
  belongs_to :order
  belongs_to :product
end

def equal(got, expected)
  raise "#{got.inspect} instead of #{expected.inspect}" unless got == expected
end

def failure(kind)
  yield
rescue kind => error
  error
else
  raise 'no error'
end

def migrations
  ActiveRecord::MigrationContext.new(MIGRATIONS, ActiveRecord::SchemaMigration)
end

def db
  Base.connection
end

def sqlstate(error)
  error.cause.result.error_field(PG::Result::PG_DIAG_SQLSTATE)
end

CASES = {
  connect: lambda {
    Base.establish_connection(ADDRESS)
    equal(db.active?, true)
    equal(db.database_version / 10_000, 15)
    equal(db.current_database, ENV['PGDATABASE'])
    equal(db.select_value("SELECT setting FROM pg_settings WHERE name = 'TimeZone'"), 'UTC')
  },
  migrations_up: lambda {
    migrations.migrate
    equal(migrations.current_version, 20_240_103_000_000)
    equal(migrations.needs_migration?, false)
    migrations.migrate
  },
  migrations_down: lambda {
    migrations.rollback(2)
    equal(db.tables.sort, %w[ar_internal_metadata categories labels labels_products products schema_migrations shops])
    equal(db.column_exists?(:products, :weight), true)
    migrations.rollback(1)
    equal(db.tables.sort, %w[ar_internal_metadata schema_migrations])
    migrations.migrate
    Base.descendants.each { |model| model.reset_column_information unless model.abstract_class? }
  },
  introspection: lambda {
    columns = db.columns(:products).to_h { |column| [column.name, column] }
    equal([columns['price'].sql_type, columns['keywords'].array, columns['details'].type, columns['code'].default_function],
          ['numeric(10,2)', true, :jsonb, 'gen_random_uuid()'])
    equal([columns['note'].default, columns['note'].null, columns['note'].comment], ['none', false, 'for the store'])
    equal(db.primary_key(:products), 'id')
    equal(db.foreign_keys(:products).map { |key| [key.column, key.to_table, key.on_delete] }.sort,
          [['category_id', 'categories', :nullify], ['shop_id', 'shops', nil]])
    heavy = db.indexes(:products).find { |index| index.name == 'products_of_mass' }
    equal([heavy.columns, heavy.where], [['mass'], '(mass > (10)::double precision)'])
    equal(db.indexes(:products).find { |index| index.name == 'products_by_lower_name' }.columns, 'lower((name)::text)')
    priced = db.indexes(:products).find { |index| index.columns == %w[price name] }
    equal(priced.orders, { 'price' => :desc })
    equal(db.check_constraints(:products).map { |one| [one.name, one.expression] }, [['price_not_negative', 'price >= (0)::numeric']])
    equal(db.table_comment(:shops), nil)
    equal(db.columns(:shops)[1].comment, 'as customers see it')
  },
  schema_dump: lambda {
    text = StringIO.new
    ActiveRecord::SchemaDumper.dump(db, text)
    equal(text.string.include?('t.decimal "price", precision: 10, scale: 2, null: false'), true)
    equal(text.string.include?('t.check_constraint "price >= (0)::numeric", name: "price_not_negative"'), true)
    equal(text.string.include?('add_foreign_key "products", "shops"'), true)
    # This version of ActiveRecord can't dump columns of an enumeration, whatever the server.
    ActiveRecord::SchemaDumper.ignore_tables = %w[orders order_lines]
    first, second = StringIO.new, StringIO.new
    ActiveRecord::SchemaDumper.dump(db, first)
    copy = "#{ADDRESS[:database]}_copy"
    db.execute("DROP DATABASE IF EXISTS #{copy}")
    db.create_database(copy)
    # What was dumped is the same when it is loaded and dumped again.
    Base.establish_connection(ADDRESS.merge(database: copy))
    ActiveRecord::Schema.verbose = false
    eval(first.string)
    ActiveRecord::SchemaDumper.dump(db, second)
    Base.establish_connection(ADDRESS)
    db.drop_database(copy)
    equal(second.string, first.string)
  },
  crud: lambda {
    shop = Shop.create!(name: 'corner')
    home = Category.create!(name: 'home', children: [Category.new(name: 'kitchen')])
    lamp = shop.products.create!(name: 'lamp', price: '9.99', watt: 40, keywords: %w[light desk], category: home, day: Date.new(2024, 2, 29),
                                 picture: "\x00\xff".b, labels: [Label.new(name: 'new'), Label.new(name: 'sale')])
    Product.create!(shop: shop, name: 'Table', price: 120, mass: 12.5, keywords: ['wood', 'a "b", {c}'], details: { colours: %w[red blue], deep: { n: 1 } })
    again = Product.find(lamp.id)
    equal([again.price, again.watt, again.keywords, again.day, again.picture, again.stage], [BigDecimal('9.99'), 40, %w[light desk], Date.new(2024, 2, 29), "\x00\xff".b, 'open'])
    equal(again.reload.code.length, 36)
    equal(Product.find_by(name: 'Table').keywords, ['wood', 'a "b", {c}'])
    again.update!(price: 8, stage: :closed)
    equal(Product.closed_stage.pluck(:name, :price), [['lamp', BigDecimal('8')]])
    again.labels << Label.find_or_create_by!(name: 'fresh')
    equal(again.labels.count, 3)
    again.increment!(:mass, 2)
    equal(Product.where(name: 'lamp').update_all(['mass = mass + ?', 1]), 1)
    equal(again.reload.mass, 3.0)
    equal(Label.where(name: 'nothing').delete_all, 0)
    shop.touch
    equal(shop.updated_at > shop.created_at, true)
  },
  eager_loading: lambda {
    anna = Customer.create!(email: 'anna@example.org')
    order = anna.orders.create!(placed_on: Date.new(2024, 3, 1), order_lines: [
      OrderLine.new(product: Product.find_by(name: 'lamp'), quantity: 2), OrderLine.new(product: Product.find_by(name: 'Table'), quantity: 1)])
    equal(order.reload.state, 'open')
    count = 0
    ActiveSupport::Notifications.subscribed(->(*) { count += 1 }, 'sql.active_record') do
      found = Customer.preload(orders: { order_lines: :product }).to_a
      equal(found[0].orders[0].order_lines.map { |line| line.product.name }.sort, %w[Table lamp])
    end
    equal(count, 4)
    equal(Customer.eager_load(orders: { order_lines: :product }).where(products: { name: 'lamp' })[0].orders[0].order_lines.size, 1)
    equal(Product.includes(:labels, category: :children).find_by(name: 'lamp').category.children.map(&:name), ['kitchen'])
    equal(anna.order_lines.sum(:quantity), 3)
    equal(Product.joins(:labels).distinct.pluck(:name), ['lamp'])
    equal(Product.left_joins(:labels).where(labels: { id: nil }).pluck(:name), ['Table'])
  },
  queries: lambda {
    equal(Product.where('name ILIKE ?', '%TAB%').pluck(:name), ['Table'])
    equal(Product.where(price: 5..10).or(Product.where(mass: 10..)).order(:name).pluck(:name), %w[Table lamp])
    equal(Product.where.not(name: %w[lamp none]).pluck(:name), ['Table'])
    equal(Product.where('details @> ?', { watt: 40 }.to_json).pluck(:name), ['lamp'])
    equal(Product.where("details->'deep'->>'n' = ?", '1').pluck(:name), ['Table'])
    equal(Product.where('keywords @> ARRAY[?]', %w[desk]).pluck(:name), ['lamp'])
    equal(Product.where('? = ANY(keywords)', 'wood').cheap.exists?, false)
    equal(Product.where(id: OrderLine.where('quantity > 1').select(:product_id)).pluck(:name), ['lamp'])
    equal(Product.order(Arel.sql('lower(name)')).offset(1).limit(1).pluck(:name), ['Table'])
    equal(Product.order(:name).reverse_order.first.name, 'lamp')
    equal(Label.order(:name).in_batches(of: 2).map { |batch| batch.pluck(:name) }.flatten.sort, %w[fresh new sale])
    equal(db.select_rows('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n'), [[1], [2], [3]])
    equal(Product.select('name, rank() OVER (ORDER BY price DESC) AS place').order('place').map { |one| [one.name, one.place] }, [['Table', 1], ['lamp', 2]])
    equal(Product.find_by_sql(['SELECT * FROM products WHERE price > :least', { least: 100 }]).map(&:name), ['Table'])
    equal(Product.where(name: 'lamp').explain.include?('EXPLAIN'), true)
  },
  aggregates: lambda {
    equal([Product.count, Product.sum(:price), Product.average(:price), Product.maximum(:name), Product.minimum(:mass)],
          [2, BigDecimal('128'), BigDecimal('64'), 'lamp', 3.0])
    equal(Product.joins(:labels).group('labels.name').order('labels.name').count, { 'fresh' => 1, 'new' => 1, 'sale' => 1 })
    equal(OrderLine.joins(:product, :order).group('orders.state').having('count(*) > 1').sum('quantity * price'), { 'open' => BigDecimal('136') })
    equal(Order.group("date_trunc('month', placed_on)").count.values, [1])
    equal(Product.group(:active).pluck(:active, Arel.sql('array_agg(name ORDER BY name)')), [[true, %w[Table lamp]]])
  },
  bulk_and_upserts: lambda {
    done = Label.insert_all!(Array.new(1000) { |at| { name: "l#{at}" } }, returning: %w[id name])
    equal(done.length, 1000)
    equal(Label.insert_all([{ name: 'sale' }, { name: 'other' }]).rows.length, 1)
    id = Label.find_by(name: 'other').id
    equal(Label.upsert_all([{ id: id, name: 'another' }], unique_by: :id).rows, [[id]])
    Label.upsert({ name: 'sale' }, unique_by: :name)
    equal(Label.find(id).name, 'another')
    equal(Label.where('name LIKE ?', 'l%').delete_all, 1000)
    equal(Label.pluck(:name).sort, %w[another fresh new sale])
    raw = db.raw_connection
    raw.copy_data('COPY labels (name) FROM STDIN') { 3.times { |at| raw.put_copy_data("copy#{at}\n") } }
    text = []
    raw.copy_data("COPY (SELECT name FROM labels WHERE name LIKE 'copy%' ORDER BY 1) TO STDOUT") { while (row = raw.get_copy_data) do text << row.chomp end }
    equal(text, %w[copy0 copy1 copy2])
    Label.where('name LIKE ?', 'copy%').destroy_all
  },
  transactions: lambda {
    Base.transaction do
      Label.create!(name: 'one')
      error = failure(ActiveRecord::RecordNotUnique) { Base.transaction(requires_new: true) { Label.create!(name: 'one') } }
      equal(sqlstate(error), '23505')
      Base.transaction(requires_new: true) do
        Label.create!(name: 'two')
        raise ActiveRecord::Rollback
      end
      Base.transaction(requires_new: true) { Label.create!(name: 'three') }
    end
    equal(Label.where(name: %w[one two three]).order(:name).pluck(:name), %w[one three])
    failure(RuntimeError) { Base.transaction { Label.delete_all; raise 'back' } }
    equal(Label.exists?(name: 'one'), true)
    Base.transaction(isolation: :serializable) { equal(db.select_value('SHOW transaction_isolation'), 'serializable') }
    Product.transaction do
      lamp = Product.lock.find_by(name: 'lamp')
      lamp.lock!('FOR UPDATE NOWAIT')
      lamp.update!(price: 7)
    end
    Product.find_by(name: 'lamp').with_lock { equal(true, true) }
  },
  optimistic_locking: lambda {
    one = Product.find_by(name: 'lamp')
    two = Product.find_by(name: 'lamp')
    one.update!(price: 6)
    failure(ActiveRecord::StaleObjectError) { two.update!(price: 5) }
    failure(ActiveRecord::StaleObjectError) { two.destroy }
    equal(Product.find_by(name: 'lamp').price, BigDecimal('6'))
  },
  errors: lambda {
    equal(sqlstate(failure(ActiveRecord::StatementInvalid) { Product.where(name: 'lamp').update_all(price: -1) }), '23514')
    equal(sqlstate(failure(ActiveRecord::InvalidForeignKey) { Product.insert({ shop_id: 99, name: 'x', price: 1, created_at: Time.now, updated_at: Time.now }) }), '23503')
    equal(sqlstate(failure(ActiveRecord::NotNullViolation) { Label.insert_all!([{ name: nil }]) }), '23502')
    equal(sqlstate(failure(ActiveRecord::ValueTooLong) { Shop.insert_all!([{ name: 'x' * 51, created_at: Time.now, updated_at: Time.now }]) }), '22001')
    equal(sqlstate(failure(ActiveRecord::StatementInvalid) { db.execute('SELECT nothing') }), '42703')
    failure(ActiveRecord::NoDatabaseError) { PG; Base.establish_connection(ADDRESS.merge(database: 'no_such_database')); db.execute('SELECT 1') }
    Base.establish_connection(ADDRESS)
    failure(ActiveRecord::QueryCanceled) do
      db.execute("SET statement_timeout = '100ms'")
      db.execute('SELECT count(*) FROM generate_series(1, 1000000000)')
    end
    db.execute('RESET statement_timeout')
  },
  prepared_statements: lambda {
    3.times { |at| equal(Label.where(name: 'new').limit(at + 1).to_a.length, 1) }
    named = db.select_value("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'a%'")
    equal(named.positive?, true)
    db.clear_cache!
    Base.establish_connection(ADDRESS.merge(prepared_statements: false))
    equal(Product.find_by(name: 'lamp').keywords, %w[light desk])
    Base.establish_connection(ADDRESS)
    # A cached statement of a table that changed is prepared anew.
    equal(Label.find_by(name: 'new').name, 'new')
    db.add_column(:labels, :colour, :string)
    equal(Label.find_by(name: 'new').name, 'new')
    Label.reset_column_information
    equal(Label.find_by(name: 'new').colour, nil)
  },
  destroy: lambda {
    Customer.destroy_all
    OrderLine.delete_all
    Order.delete_all
    Customer.delete_all
    Product.find_each { |product| product.labels.clear }
    Shop.find_by(name: 'corner').destroy!
    equal(Product.count, 0)
    Category.where(name: 'home').delete_all
    equal(Category.count, 0)
  },
  truncate_and_sequences: lambda {
    Label.create!(name: 'last')
    db.truncate_tables('labels', 'labels_products')
    equal(Label.create!(name: 'first').id.positive?, true)
    db.execute("INSERT INTO labels (id, name) VALUES (40000, 'far')")
    db.reset_pk_sequence!('labels')
    equal(Label.create!(name: 'next').id, 40_001)
    equal(db.pk_and_sequence_for('labels').map(&:to_s), ['id', 'public.labels_id_seq'])
  }
}.freeze

CASES.each do |name, body|
  body.call
  puts "case #{name} ok"
rescue StandardError, ScriptError => e
  puts "case #{name} failed #{"#{e.class}: #{e.message}".split.join(' ')}"
ensure
  $stdout.flush
end
