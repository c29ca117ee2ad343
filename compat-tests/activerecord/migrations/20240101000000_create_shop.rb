class CreateShop < ActiveRecord::Migration[6.1]
  def change
    enable_extension 'pgcrypto' unless extension_enabled?('pgcrypto')
    create_table :shops do |t|
      t.string :name, limit: 50, null: false, comment: 'as customers see it'
      t.timestamps
      t.index :name, unique: true
    end
    create_table :categories do |t|
      t.text :name, null: false
      t.references :parent, foreign_key: { to_table: :categories, on_delete: :cascade }
    end
    create_table :products do |t|
      t.references :shop, null: false, foreign_key: true
      t.references :category, foreign_key: { on_delete: :nullify }
      t.uuid :code, null: false, default: -> { 'gen_random_uuid()' }
      t.string :name, null: false
      t.decimal :price, precision: 10, scale: 2, null: false
      t.float :weight
      t.boolean :active, null: false, default: true
      t.integer :stage, null: false, default: 0, limit: 2
      t.jsonb :details, null: false, default: {}
      t.text :keywords, array: true, null: false, default: []
      t.binary :picture
      t.date :day
      t.integer :lock_version, null: false, default: 0
      t.timestamps precision: 6
      t.index [:price, :name], order: { price: :desc }
      t.index 'lower((name)::text)', name: 'products_by_lower_name'
      t.index :code, unique: true
      t.index :weight, where: 'weight > 10', name: 'heavy_products'
      t.index :details, using: :gin
      t.check_constraint 'price >= 0', name: 'price_not_negative'
    end
    create_table(:labels) { |t| t.string :name, null: false, index: { unique: true } }
    create_join_table :products, :labels do |t|
      t.index [:product_id, :label_id], unique: true
    end
  end
end
