// GORM with golang-migrate: models of a shop, AutoMigrate, migrations by scripts, queries.
package main

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/golang-migrate/migrate/v4"
	_ "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
	"gorm.io/datatypes"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

//go:embed migrations/*.sql
var scripts embed.FS

type Label struct {
	ID   uint
	Name string `gorm:"size:40;uniqueIndex"`
}

type Category struct {
	ID       uint
	Name     string `gorm:"type:text;not null"`
	ParentID *uint
	Children []Category `gorm:"foreignKey:ParentID"`
}

type Product struct {
	gorm.Model
	Code       string            `gorm:"type:uuid;default:gen_random_uuid();unique"`
	Name       string            `gorm:"size:100;not null;index:product_price,priority:2;comment:as customers see it"`
	Price      float64           `gorm:"type:numeric(10,2);check:price >= 0;index:product_price,priority:1,sort:desc"`
	Weight     *float64          `gorm:"index:product_heavy,where:weight > 10"`
	Details    datatypes.JSONMap `gorm:"type:jsonb;default:'{}'"`
	Keywords   pq.StringArray    `gorm:"type:text[]"`
	Active     bool              `gorm:"default:true"`
	CategoryID *uint
	Category   *Category `gorm:"constraint:OnDelete:SET NULL"`
	Labels     []Label   `gorm:"many2many:labelled"`
}

type Customer struct {
	ID     uint
	Email  string `gorm:"unique"`
	Orders []Order
}

type Order struct {
	ID         uint64
	CustomerID uint
	Customer   Customer
	PlacedOn   time.Time `gorm:"type:date"`
	Status     string    `gorm:"default:open"`
	Version    int    `gorm:"default:1"`
	Lines      []Line `gorm:"constraint:OnDelete:CASCADE"`
}

type Line struct {
	OrderID   uint64 `gorm:"primaryKey"`
	Position  int16  `gorm:"primaryKey"`
	ProductID uint
	Product   Product
	Quantity  int
}

func url(scheme string) string {
	return fmt.Sprintf("%s://%s@%s:%s/%s?sslmode=disable", scheme, os.Getenv("PGUSER"), os.Getenv("PGHOST"), os.Getenv("PGPORT"), os.Getenv("PGDATABASE"))
}

func equal(got, expected any) {
	if !reflect.DeepEqual(got, expected) {
		panic(fmt.Sprintf("%#v instead of %#v", got, expected))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func state(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code + " " + failure.ConstraintName
	}
	return fmt.Sprint(err)
}

var db *gorm.DB

func names(q *gorm.DB) []string {
	var found []string
	check(q.Model(&Product{}).Order("name").Pluck("name", &found).Error)
	return found
}

var tables = []any{&Label{}, &Category{}, &Product{}, &Customer{}, &Order{}, &Line{}}

var cases = []struct {
	name string
	run  func()
}{
	{"connect", func() {
		var err error
		db, err = gorm.Open(postgres.Open(url("postgres")), &gorm.Config{Logger: logger.Discard, TranslateError: false})
		check(err)
	}},
	{"auto_migrate", func() {
		check(db.AutoMigrate(tables...))
		check(db.AutoMigrate(tables...))
	}},
	{"migrator", func() {
		m := db.Migrator()
		equal([]bool{m.HasTable("products"), m.HasTable("nothing"), m.HasColumn(&Product{}, "price"), m.HasIndex(&Product{}, "product_price"), m.HasConstraint(&Product{}, "chk_products_price")},
			[]bool{true, false, true, true, true})
		types, err := m.ColumnTypes(&Product{})
		check(err)
		length, _ := types[5].Length()
		comment, _ := types[5].Comment()
		equal([]any{types[5].Name(), types[5].DatabaseTypeName(), length, comment}, []any{"name", "varchar", int64(100), "as customers see it"})
		precision, scale, _ := types[6].DecimalSize()
		equal([]int64{precision, scale}, []int64{10, 2})
		indexes, err := m.GetIndexes(&Product{})
		check(err)
		equal(len(indexes), 3)
		list, err := m.GetTables()
		check(err)
		equal(len(list), 7)
		check(m.RenameColumn(&Product{}, "weight", "mass"))
		check(m.RenameColumn(&Product{}, "mass", "weight"))
		check(m.AlterColumn(&Customer{}, "Email"))
		check(m.DropIndex(&Product{}, "product_heavy"))
		check(m.CreateIndex(&Product{}, "product_heavy"))
		check(m.CreateView("cheap", gorm.ViewOption{Query: db.Model(&Product{}).Select("name").Where("price < ?", 20), Replace: true}))
	}},
	{"crud", func() {
		lamp := Product{Name: "lamp", Price: 9.99, Details: datatypes.JSONMap{"watt": 40.0, "colours": []any{"red", "blue"}}, Keywords: pq.StringArray{"light", "desk"},
			Labels: []Label{{Name: "new"}, {Name: "sale"}}, Category: &Category{Name: "home", Children: []Category{{Name: "kitchen"}}}}
		check(db.Create(&lamp).Error)
		equal([]any{len(lamp.Code), lamp.Active, lamp.ID}, []any{36, true, uint(1)})
		weight := 12.5
		table := Product{Name: "Table", Price: 120, Weight: &weight, Keywords: pq.StringArray{"wood"}}
		check(db.Create(&table).Error)
		check(db.Model(&lamp).Updates(map[string]any{"price": 8}).Error)
		check(db.Model(&table).Update("weight", gorm.Expr("weight + ?", 2)).Error)
		check(db.Create(&Customer{Email: "anna@example.org", Orders: []Order{{PlacedOn: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), Lines: []Line{
			{Position: 1, ProductID: lamp.ID, Quantity: 2}, {Position: 2, ProductID: table.ID, Quantity: 1}}}}}).Error)
		var again Product
		check(db.First(&again, "name = ?", "lamp").Error)
		equal([]any{again.Price, fmt.Sprint(again.Details["watt"]), []string(again.Keywords)}, []any{8.0, "40", []string{"light", "desk"}})
		check(db.Delete(&table).Error)
		equal(names(db), []string{"lamp"})
		check(db.Unscoped().Model(&table).Update("deleted_at", nil).Error)
		var label Label
		check(db.FirstOrCreate(&label, Label{Name: "new"}).Error)
		equal(label.ID, uint(1))
	}},
	{"eager_loading", func() {
		var orders []Order
		check(db.Preload("Lines", func(q *gorm.DB) *gorm.DB { return q.Order("position") }).Preload("Lines.Product").Joins("Customer").Find(&orders).Error)
		equal([]any{orders[0].Customer.Email, orders[0].Lines[0].Product.Name, orders[0].Lines[1].Quantity, orders[0].Status}, []any{"anna@example.org", "lamp", 1, "open"})
		var lamp Product
		check(db.Preload(clause.Associations).Preload("Category.Children").First(&lamp, "name = 'lamp'").Error)
		equal([]any{len(lamp.Labels), lamp.Category.Children[0].Name}, []any{2, "kitchen"})
		equal(db.Model(&lamp).Association("Labels").Count(), int64(2))
	}},
	{"queries", func() {
		equal(names(db.Where("name ILIKE ?", "%TAB%")), []string{"Table"})
		equal(names(db.Where("price < ?", 10).Or(db.Where("weight BETWEEN ? AND ?", 10, 20))), []string{"Table", "lamp"})
		equal(names(db.Where("name IN ?", []string{"lamp", "none"})), []string{"lamp"})
		equal(names(db.Where("id IN (?)", db.Model(&Line{}).Select("product_id").Where("quantity > ?", 1))), []string{"lamp"})
		equal(names(db.Where(datatypes.JSONQuery("details").Equals(40, "watt"))), []string{"lamp"})
		equal(names(db.Where(datatypes.JSONQuery("details").HasKey("colours"))), []string{"lamp"})
		equal(names(db.Where("keywords @> ?", pq.StringArray{"desk"})), []string{"lamp"})
		equal(names(db.Where("? = ANY(keywords)", "wood")), []string{"Table"})
		type total struct {
			Customer string
			N        int64
			Sum      float64
		}
		var totals []total
		check(db.Table("lines").Select("customers.email AS customer, count(*) AS n, sum(lines.quantity * products.price) AS sum").
			Joins("JOIN orders ON orders.id = lines.order_id").Joins("JOIN customers ON customers.id = orders.customer_id").
			Joins("JOIN products ON products.id = lines.product_id").Group("customers.email").Having("count(*) > ?", 1).Scan(&totals).Error)
		equal(totals, []total{{"anna@example.org", 2, 136}})
		var count int64
		check(db.Table("cheap").Count(&count).Error)
		equal(count, int64(1))
		var n []int
		check(db.Raw("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < @top) SELECT i FROM n", map[string]any{"top": 3}).Scan(&n).Error)
		equal(n, []int{1, 2, 3})
	}},
	{"bulk_and_upserts", func() {
		labels := make([]Label, 1000)
		for at := range labels {
			labels[at].Name = fmt.Sprintf("l%d", at)
		}
		check(db.CreateInBatches(&labels, 300).Error)
		equal(labels[999].ID-labels[0].ID, uint(999))
		done := db.Where("name LIKE ?", "l%").Delete(&Label{})
		equal(done.RowsAffected, int64(1000))
		check(db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Label{Name: "sale"}).Error)
		fresh := []Label{{Name: "sale"}, {Name: "fresh"}}
		check(db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"name"})}).Create(&fresh).Error)
		equal(fresh[0].ID, uint(2))
		var changed []Label
		check(db.Model(&changed).Clauses(clause.Returning{}).Where("name = ?", "fresh").Update("name", "fresher").Error)
		equal(changed[0].Name, "fresher")
		sum := 0
		var batch []Label
		check(db.FindInBatches(&batch, 2, func(*gorm.DB, int) error { sum += len(batch); return nil }).Error)
		equal(sum, 3)
	}},
	{"transactions", func() {
		check(db.Transaction(func(t *gorm.DB) error {
			check(t.Create(&Label{Name: "one"}).Error)
			err := t.Transaction(func(inner *gorm.DB) error { return inner.Create(&Label{Name: "one"}).Error })
			equal(state(err), "23505 idx_labels_name")
			check(t.Transaction(func(inner *gorm.DB) error { return inner.Create(&Label{Name: "two"}).Error }))
			var locked []Order
			check(t.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Find(&locked).Error)
			equal(len(locked), 1)
			t.SavePoint("here")
			check(t.Create(&Label{Name: "three"}).Error)
			return t.RollbackTo("here").Error
		}))
		var count int64
		db.Model(&Label{}).Count(&count)
		equal(count, int64(5))
		err := db.Transaction(func(t *gorm.DB) error { t.Where("true").Delete(&Label{}); return errors.New("back") })
		equal(err.Error(), "back")
	}},
	{"errors_and_locking", func() {
		equal(state(db.Model(&Product{}).Where("name = 'lamp'").Update("price", -1).Error), "23514 chk_products_price")
		equal(state(db.Create(&Line{OrderID: 99, Position: 1, ProductID: 1, Quantity: 1}).Error), "23503 fk_orders_lines")
		equal(errors.Is(db.First(&Label{}, "name = 'nothing'").Error, gorm.ErrRecordNotFound), true)
		var one, two Order
		check(db.First(&one).Error)
		check(db.First(&two).Error)
		next := func(order Order, status string) int64 {
			q := db.Model(&Order{}).Where("id = ? AND version = ?", order.ID, order.Version)
			return q.Updates(map[string]any{"status": status, "version": gorm.Expr("version + 1")}).RowsAffected
		}
		equal([]int64{next(one, "paid"), next(two, "sent")}, []int64{1, 0})
	}},
	{"golang_migrate", func() {
		check(db.Exec("DROP VIEW cheap").Error)
		check(db.Migrator().DropTable(append(tables, "labelled")...))
		source, err := iofs.New(scripts, "migrations")
		check(err)
		m, err := migrate.NewWithSourceInstance("iofs", source, url("pgx5"))
		check(err)
		check(m.Up())
		equal(m.Up(), migrate.ErrNoChange)
		version, dirty, err := m.Version()
		check(err)
		equal([]any{version, dirty}, []any{uint(2), false})
		var depots []map[string]any
		check(db.Table("depots").Select("name", "kind").Order("id").Find(&depots).Error)
		equal(depots, []map[string]any{{"name": "a", "kind": "big"}, {"name": "b", "kind": "big"}})
		check(m.Steps(-1))
		check(m.Migrate(2))
		check(m.Down())
		equal(db.Migrator().HasTable("depots"), false)
		_, failed := m.Close()
		check(failed)
	}},
}

func play(name string, run func()) {
	defer func() {
		if why := recover(); why != nil {
			fmt.Println("case", name, "failed", strings.Join(strings.Fields(fmt.Sprint(why)), " "))
		}
	}()
	run()
	fmt.Println("case", name, "ok")
}

func main() {
	for _, one := range cases {
		play(one.name, one.run)
	}
}
