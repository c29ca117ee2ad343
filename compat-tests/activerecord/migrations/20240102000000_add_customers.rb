class AddCustomers < ActiveRecord::Migration[6.1]
  def up
    execute "CREATE TYPE state AS ENUM ('open', 'paid', 'sent')"
    create_table :customers, id: :uuid, default: -> { 'gen_random_uuid()' } do |t|
      t.string :email, null: false, index: { unique: true }
    end
    create_table :orders do |t|
      t.references :customer, type: :uuid, null: false, foreign_key: { on_delete: :cascade }
      t.column :state, :state, null: false, default: 'open'
      t.date :placed_on, null: false
    end
    create_table :lines do |t|
      t.references :order, null: false, foreign_key: { on_delete: :cascade }
      t.references :product, null: false, foreign_key: true
      t.integer :quantity, null: false
    end
  end

  def down
    drop_table :lines
    drop_table :orders
    drop_table :customers
    execute 'DROP TYPE state'
  end
end
