// Bun with its own driver: models of a shop, migrations, relations, queries, COPY and notifications.
package main

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/driver/pgdriver"
	"github.com/uptrace/bun/migrate"
)

type Shop struct {
	bun.BaseModel `bun:"table:shops"`
	ID            int64     `bun:",pk,autoincrement"`
	Name          string    `bun:"type:varchar(50),notnull,unique"`
	Products      []Product `bun:"rel:has-many,join:id=shop_id"`
}

type Product struct {
	bun.BaseModel `bun:"table:products,alias:p"`
	ID            int64          `bun:",pk,autoincrement"`
	Version       int            `bun:",notnull,default:1"`
	ShopID        int64          `bun:",notnull"`
	Shop          *Shop          `bun:"rel:belongs-to,join:shop_id=id"`
	Code          uuid.UUID      `bun:"type:uuid,default:gen_random_uuid(),nullzero"`
	Name          string         `bun:",notnull"`
	Price         string         `bun:"type:numeric(10,2),notnull"`
	Weight        *float64       `bun:"type:double precision"`
	Details       map[string]any `bun:"type:jsonb"`
	Keywords      []string       `bun:",array"`
	Sizes         []int64        `bun:",array"`
	Picture       []byte
	Stage         string    `bun:"type:stage,notnull,default:'open',nullzero"`
	MadeAt        time.Time `bun:",notnull,nullzero,default:current_timestamp"`
	DeletedAt     time.Time `bun:",soft_delete,nullzero"`
	Labels        []Label   `bun:"m2m:product_labels,join:Product=Label"`
}

type Label struct {
	bun.BaseModel `bun:"table:labels"`
	ID            int64  `bun:",pk,autoincrement"`
	Name          string `bun:",notnull,unique"`
}

type ProductLabel struct {
	bun.BaseModel `bun:"table:product_labels"`
	ProductID     int64    `bun:",pk"`
	Product       *Product `bun:"rel:belongs-to,join:product_id=id"`
	LabelID       int64    `bun:",pk"`
	Label         *Label   `bun:"rel:belongs-to,join:label_id=id"`
}

//go:embed migrations/*.sql
var scripts embed.FS

var (
	ctx = context.Background()
	db  *bun.DB
)

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

func of[T any](value T, err error) T {
	check(err)
	return value
}

func state(err error) string {
	var failure pgdriver.Error
	if errors.As(err, &failure) {
		return failure.Field('C') + " " + failure.Field('n')
	}
	return fmt.Sprint(err)
}

func open(options ...pgdriver.Option) *bun.DB {
	address := os.Getenv("PGHOST") + ":" + os.Getenv("PGPORT")
	options = append([]pgdriver.Option{pgdriver.WithAddr(address), pgdriver.WithUser(os.Getenv("PGUSER")), pgdriver.WithPassword("any"),
		pgdriver.WithDatabase(os.Getenv("PGDATABASE")), pgdriver.WithInsecure(true)}, options...)
	opened := bun.NewDB(sql.OpenDB(pgdriver.NewConnector(options...)), pgdialect.New())
	opened.RegisterModel((*ProductLabel)(nil))
	return opened
}

func names(query *bun.SelectQuery) []string {
	var found []string
	check(query.Model((*Product)(nil)).Column("name").Order("name").Scan(ctx, &found))
	return found
}

func migrations() *migrate.Migrator {
	steps := migrate.NewMigrations()
	check(steps.Discover(scripts))
	return migrate.NewMigrator(db, steps)
}

var cases = []struct {
	name string
	run  func()
}{
	{"connect", func() {
		db = open(pgdriver.WithApplicationName("bun case"), pgdriver.WithConnParams(map[string]any{"search_path": "public"}))
		check(db.Ping())
		var name string
		check(db.NewRaw("SELECT current_setting('application_name')").Scan(ctx, &name))
		equal(name, "bun case")
	}},
	{"migrations", func() {
		m := migrations()
		check(m.Init(ctx))
		check(m.Lock(ctx))
		equal(len(of(m.Migrate(ctx)).Migrations), 2)
		check(m.Unlock(ctx))
		equal(len(of(m.Migrate(ctx)).Migrations), 0)
		var depots []map[string]any
		check(db.NewRaw("SELECT name, kind::text AS kind FROM depots ORDER BY id").Scan(ctx, &depots))
		equal(fmt.Sprint(depots), "[map[kind:big name:a] map[kind:big name:b]]")
		equal(len(of(m.Rollback(ctx)).Migrations), 2)
		equal(len(of(m.MigrationsWithStatus(ctx)).Unapplied()), 2)
	}},
	{"create_tables", func() {
		of(db.Exec("CREATE TYPE stage AS ENUM ('open', 'paid')"))
		of(db.NewCreateTable().Model((*Shop)(nil)).Exec(ctx))
		of(db.NewCreateTable().Model((*Product)(nil)).ForeignKey(`("shop_id") REFERENCES "shops" ("id") ON DELETE CASCADE`).Exec(ctx))
		of(db.NewCreateTable().Model((*Label)(nil)).Exec(ctx))
		of(db.NewCreateTable().Model((*ProductLabel)(nil)).WithForeignKeys().Exec(ctx))
		of(db.NewCreateTable().Model((*Shop)(nil)).IfNotExists().Exec(ctx))
		of(db.NewCreateIndex().Model((*Product)(nil)).Index("product_price").ColumnExpr("price DESC").Column("name").Exec(ctx))
		of(db.NewCreateIndex().Model((*Product)(nil)).Unique().Index("product_code").Column("code").Where("deleted_at IS NULL").Exec(ctx))
		of(db.NewAddColumn().Model((*Product)(nil)).ColumnExpr("note text CHECK (note <> '')").Exec(ctx))
		of(db.NewDropColumn().Model((*Product)(nil)).Column("note").Exec(ctx))
	}},
	{"crud", func() {
		shop := &Shop{Name: "corner"}
		of(db.NewInsert().Model(shop).Exec(ctx))
		weight := 12.5
		products := []Product{
			{ShopID: shop.ID, Name: "lamp", Price: "9.99", Details: map[string]any{"watt": 40.0, "colours": []any{"red"}}, Keywords: []string{"light", `a "b", {c}`}, Sizes: []int64{1, -2}, Picture: []byte{0, 255}},
			{ShopID: shop.ID, Name: "Table", Price: "120", Weight: &weight, Keywords: []string{"wood"}, Stage: "paid"}}
		of(db.NewInsert().Model(&products).Exec(ctx))
		equal([]any{products[1].ID - products[0].ID, products[0].Stage, products[0].Version, products[0].Code != uuid.Nil}, []any{int64(1), "open", 1, true})
		var lamp Product
		check(db.NewSelect().Model(&lamp).Where("name = ?", "lamp").Scan(ctx))
		equal([]any{lamp.Price, lamp.Details, lamp.Keywords, lamp.Sizes, lamp.Picture, lamp.Weight == nil, lamp.MadeAt.IsZero()},
			[]any{"9.99", products[0].Details, products[0].Keywords, products[0].Sizes, []byte{0, 255}, true, false})
		of(db.NewUpdate().Model(&lamp).Set("price = ?", "8.00").WherePK().Returning("*").Exec(ctx))
		equal(lamp.Price, "8.00")
		of(db.NewDelete().Model((*Product)(nil)).Where("name = 'Table'").Exec(ctx))
		equal(names(db.NewSelect()), []string{"lamp"})
		equal(names(db.NewSelect().Model((*Product)(nil)).WhereAllWithDeleted()), []string{"Table", "lamp"})
		of(db.NewRaw("UPDATE products SET deleted_at = NULL").Exec(ctx))
		labels := []Label{{Name: "new"}, {Name: "sale"}}
		of(db.NewInsert().Model(&labels).Exec(ctx))
		of(db.NewInsert().Model(&[]ProductLabel{{ProductID: lamp.ID, LabelID: labels[0].ID}, {ProductID: lamp.ID, LabelID: labels[1].ID}}).Exec(ctx))
	}},
	{"relations", func() {
		var shop Shop
		check(db.NewSelect().Model(&shop).Relation("Products", func(q *bun.SelectQuery) *bun.SelectQuery { return q.Order("name") }).Relation("Products.Labels").Scan(ctx))
		equal([]any{len(shop.Products), len(shop.Products[1].Labels)}, []any{2, 2})
		var lamp Product
		check(db.NewSelect().Model(&lamp).Relation("Shop").Where("p.name = 'lamp'").Scan(ctx))
		equal(lamp.Shop.Name, "corner")
	}},
	{"queries", func() {
		equal(names(db.NewSelect().Where("name ILIKE ?", "%TAB%")), []string{"Table"})
		equal(names(db.NewSelect().Where("price < ?", 10).WhereOr("weight BETWEEN ? AND ?", 10, 20)), []string{"Table", "lamp"})
		equal(names(db.NewSelect().Where("name IN (?)", bun.In([]string{"lamp", "none"}))), []string{"lamp"})
		equal(names(db.NewSelect().Where("details->>'watt' = ?", "40")), []string{"lamp"})
		equal(names(db.NewSelect().Where("keywords @> ?", pgdialect.Array([]string{"light"}))), []string{"lamp"})
		equal(names(db.NewSelect().Where("id IN (?)", db.NewSelect().Model((*ProductLabel)(nil)).Column("product_id"))), []string{"lamp"})
		count := int(of(db.NewSelect().Model((*Product)(nil)).Count(ctx)))
		exists := of(db.NewSelect().Model((*Product)(nil)).Where("price > 1000").Exists(ctx))
		equal([]any{count, exists}, []any{2, false})
		var page []Product
		total := int(of(db.NewSelect().Model(&page).Order("price DESC").Limit(1).Offset(1).ScanAndCount(ctx)))
		equal([]any{total, page[0].Name}, []any{2, "lamp"})
		var sums []struct {
			Shop string
			N    int
			Sum  string
		}
		check(db.NewSelect().TableExpr("products AS p").ColumnExpr("s.name AS shop, count(*) AS n, sum(p.price) AS sum").Join("JOIN shops AS s ON s.id = p.shop_id").
			Group("s.name").Having("count(*) > ?", 1).Scan(ctx, &sums))
		equal(fmt.Sprint(sums), "[{corner 2 128.00}]")
		var ranked []string
		with := db.NewSelect().Model((*Product)(nil)).Column("name").ColumnExpr("rank() OVER (ORDER BY price) AS place")
		check(db.NewSelect().With("ranked", with).Table("ranked").Column("name").Where("place = 1").Scan(ctx, &ranked))
		equal(ranked, []string{"lamp"})
		either := db.NewSelect().Model((*Label)(nil)).Column("name")
		var united []string
		check(db.NewSelect().Model((*Product)(nil)).Column("name").Union(either).Scan(ctx, &united))
		equal(len(united), 4)
	}},
	{"bulk_and_upserts", func() {
		labels := make([]Label, 1000)
		for at := range labels {
			labels[at].Name = fmt.Sprintf("l%d", at)
		}
		of(db.NewInsert().Model(&labels).Exec(ctx))
		equal(labels[999].ID-labels[0].ID, int64(999))
		changed := of(db.NewUpdate().With("_data", db.NewValues(&[]Label{{ID: labels[0].ID, Name: "first"}})).Model((*Label)(nil)).TableExpr("_data").Set("name = _data.name").Where("label.id = _data.id").Exec(ctx))
		equal(of(changed.RowsAffected()), int64(1))
		equal(of(of(db.NewDelete().Model((*Label)(nil)).Where("id >= ?", labels[0].ID).Exec(ctx)).RowsAffected()), int64(1000))
		of(db.NewInsert().Model(&Label{Name: "sale"}).On("CONFLICT (name) DO UPDATE").Set("name = EXCLUDED.name").Exec(ctx))
		of(db.NewInsert().Model(&Label{Name: "sale"}).Ignore().Exec(ctx))
		equal(int(of(db.NewSelect().Model((*Label)(nil)).Count(ctx))), 2)
	}},
	{"copy", func() {
		conn := of(db.Conn(ctx))
		defer conn.Close()
		of(pgdriver.CopyFrom(ctx, conn, strings.NewReader("copied1\ncopied2\n"), "COPY labels (name) FROM STDIN"))
		var out bytes.Buffer
		of(pgdriver.CopyTo(ctx, conn, &out, "COPY (SELECT name FROM labels WHERE name LIKE 'copied%' ORDER BY 1) TO STDOUT"))
		equal(out.String(), "copied1\ncopied2\n")
		of(conn.ExecContext(ctx, "DELETE FROM labels WHERE name LIKE 'copied%'"))
	}},
	{"transactions", func() {
		check(db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			of(tx.NewInsert().Model(&Label{Name: "one"}).Exec(ctx))
			err := tx.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.NewInsert().Model(&Label{Name: "one"}).Exec(ctx)
				return err
			})
			equal(state(err), "23505 labels_name_key")
			return tx.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.NewInsert().Model(&Label{Name: "two"}).Exec(ctx)
				return err
			})
		}))
		equal(int(of(db.NewSelect().Model((*Label)(nil)).Count(ctx))), 4)
		err := db.RunInTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable}, func(ctx context.Context, tx bun.Tx) error {
			of(tx.NewDelete().Model((*Label)(nil)).Where("name IN ('one', 'two')").Exec(ctx))
			return errors.New("back")
		})
		equal(err.Error(), "back")
		check(db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			var lamp Product
			return tx.NewSelect().Model(&lamp).Where("name = 'lamp'").For("UPDATE").Scan(ctx)
		}))
		of(db.NewDelete().Model((*Label)(nil)).Where("name IN ('one', 'two')").Exec(ctx))
	}},
	{"errors_and_locking", func() {
		_, err := db.NewInsert().Model(&Product{ShopID: 99, Name: "x", Price: "1"}).Exec(ctx)
		equal(strings.Fields(state(err))[0], "23503")
		_, err = db.NewRaw("SELECT nothing").Exec(ctx)
		equal(strings.Fields(state(err))[0], "42703")
		equal(errors.Is(db.NewSelect().Model(&Label{}).Where("name = 'nothing'").Scan(ctx), sql.ErrNoRows), true)
		next := func() int64 {
			done := of(db.NewUpdate().Model((*Product)(nil)).Set("version = version + 1").Where("name = 'lamp' AND version = ?", 1).Exec(ctx))
			return of(done.RowsAffected())
		}
		equal([]int64{next(), next()}, []int64{1, 0})
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		_, err = db.ExecContext(short, "SELECT pg_sleep(2)")
		equal(err != nil, true)
	}},
	{"notifications", func() {
		listener := pgdriver.NewListener(db)
		defer listener.Close()
		check(listener.Listen(ctx, "news"))
		short, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		// Listen doesn't wait for the server's answer, so the first ones may be too early.
		go func() {
			for short.Err() == nil {
				_ = pgdriver.Notify(short, db, "news", "hello")
				time.Sleep(50 * time.Millisecond)
			}
		}()
		channel, payload, err := listener.Receive(short)
		check(err)
		equal([]string{channel, payload}, []string{"news", "hello"})
	}},
	{"drop_tables", func() {
		for _, model := range []any{(*ProductLabel)(nil), (*Label)(nil), (*Product)(nil), (*Shop)(nil)} {
			of(db.NewTruncateTable().Model(model).Cascade().Exec(ctx))
			of(db.NewDropTable().Model(model).IfExists().Cascade().Exec(ctx))
		}
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
