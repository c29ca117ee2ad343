class ChangeProducts < ActiveRecord::Migration[6.1]
  def change
    add_column :products, :note, :string, limit: 20
    change_column_comment :products, :note, from: nil, to: 'for the store'
    rename_column :products, :weight, :mass
    reversible do |way|
      way.up do
        change_column :products, :note, :text
        change_column_default :products, :note, 'none'
        change_column_null :products, :note, false, 'none'
      end
      way.down do
        change_column_null :products, :note, true
        change_column_default :products, :note, nil
      end
    end
    rename_index :products, 'heavy_products', 'products_of_mass'
    rename_table :lines, :order_lines
  end
end
