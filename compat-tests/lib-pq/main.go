// lib/pq by database/sql.
package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/lib/pq"
)

func target() string {
	return fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=disable", os.Getenv("PGHOST"), os.Getenv("PGPORT"), os.Getenv("PGUSER"), os.Getenv("PGDATABASE"))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(got, expected any) {
	if !reflect.DeepEqual(got, expected) {
		panic(fmt.Sprintf("%#v instead of %#v", got, expected))
	}
}

func one[T any](db *sql.DB, query string, values ...any) T {
	var got T
	check(db.QueryRow(query, values...).Scan(&got))
	return got
}

func values(db *sql.DB) {
	equal(one[int](db, "SELECT $1::int", 42), 42)
	equal(one[string](db, "SELECT $1::text", "é"), "é")
	equal(one[bool](db, "SELECT $1::boolean", true), true)
	equal(one[float64](db, "SELECT $1::float8", 0.1), 0.1)
	equal(one[string](db, "SELECT $1::numeric", "1.50"), "1.50")
	equal(one[[]byte](db, "SELECT $1::bytea", []byte{0, 255}), []byte{0, 255})
	at := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	equal(one[time.Time](db, "SELECT $1::timestamptz", at).Equal(at), true)
	equal(one[sql.NullInt64](db, "SELECT $1::bigint", nil), sql.NullInt64{})
	var numbers []int64
	check(db.QueryRow("SELECT $1::bigint[]", pq.Array([]int64{1, 2})).Scan(pq.Array(&numbers)))
	equal(numbers, []int64{1, 2})
}

func transaction(db *sql.DB) {
	_, err := db.Exec("CREATE TABLE txl (a int PRIMARY KEY)")
	check(err)
	tx, err := db.Begin()
	check(err)
	defer func() { _ = tx.Rollback() }() // So that a failure leaves nothing locked.
	_, err = tx.Exec("INSERT INTO txl VALUES ($1)", 1)
	check(err)
	_, err = tx.Exec("INSERT INTO txl VALUES ($1)", 1)
	var failed *pq.Error
	if !errors.As(err, &failed) {
		panic("no error")
	}
	equal([]string{string(failed.Code), failed.Constraint, failed.Table}, []string{"23505", "txl_pkey", "txl"})
	check(tx.Rollback())
	equal(one[int](db, "SELECT count(*) FROM txl"), 0)
}

func prepared(db *sql.DB) {
	statement, err := db.Prepare("SELECT $1::int + 1")
	check(err)
	for n := range 5 {
		var got int
		check(statement.QueryRow(n).Scan(&got))
		equal(got, n+1)
	}
	check(statement.Close())
}

func copyIn(db *sql.DB) {
	_, err := db.Exec("CREATE TABLE col (a int, b text)")
	check(err)
	tx, err := db.Begin()
	check(err)
	statement, err := tx.Prepare(pq.CopyIn("col", "a", "b"))
	check(err)
	for n := range 100 {
		_, err = statement.Exec(n, fmt.Sprint(n))
		check(err)
	}
	_, err = statement.Exec()
	check(err)
	check(statement.Close())
	check(tx.Commit())
	equal(one[int](db, "SELECT count(*) FROM col"), 100)
}

func columns(db *sql.DB) {
	rows, err := db.Query("SELECT 1 AS a, 'x'::varchar(5) AS b, 1.5::numeric(4,2) AS c")
	check(err)
	defer func() { check(rows.Close()) }()
	types, err := rows.ColumnTypes()
	check(err)
	names := []string{}
	for _, column := range types {
		names = append(names, column.Name()+" "+column.DatabaseTypeName())
	}
	equal(names, []string{"a INT4", "b VARCHAR", "c NUMERIC"})
}

func notify(db *sql.DB) {
	listener := pq.NewListener(target(), time.Second, time.Second, nil)
	defer func() { check(listener.Close()) }()
	check(listener.Listen("chanl"))
	_, err := db.Exec("NOTIFY chanl, 'hi'")
	check(err)
	select {
	case heard := <-listener.Notify:
		equal(heard.Extra, "hi")
	case <-time.After(5 * time.Second):
		panic("no notification")
	}
}

func targetSessionAttrs(*sql.DB) {
	var hosts, ports []string
	for _, node := range strings.Split(os.Getenv("EIDER_HOSTS"), ",") {
		at := strings.LastIndex(node, ":")
		hosts, ports = append(hosts, node[:at]), append(ports, node[at+1:])
	}
	// It looks for read-only by default_transaction_read_only alone, which a standby doesn't have on.
	wanted := map[string]string{"read-write": "off", "primary": "off", "standby": "on", "prefer-standby": "on"}
	if len(hosts) == 1 {
		wanted = map[string]string{"read-write": "off", "primary": "off", "prefer-standby": "off"}
	}
	for attrs, standby := range wanted {
		db, err := sql.Open("postgres", fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=disable target_session_attrs=%s",
			strings.Join(hosts, ","), strings.Join(ports, ","), os.Getenv("PGUSER"), os.Getenv("PGDATABASE"), attrs))
		check(err)
		equal(attrs+one[string](db, "SHOW in_hot_standby"), attrs+standby)
		check(db.Close())
	}
}

func main() {
	db, err := sql.Open("postgres", target())
	check(err)
	for _, each := range []struct {
		name string
		body func(*sql.DB)
	}{{"values", values}, {"transaction", transaction}, {"prepared", prepared}, {"copy_in", copyIn}, {"columns", columns}, {"notify", notify}, {"target_session_attrs", targetSessionAttrs}} {
		outcome := make(chan string, 1)
		go func() {
			defer func() {
				if problem := recover(); problem != nil {
					outcome <- "failed " + strings.Join(strings.Fields(fmt.Sprint(problem)), " ")
				} else {
					outcome <- "ok"
				}
			}()
			each.body(db)
		}()
		select {
		case ended := <-outcome:
			fmt.Printf("case %s %s\n", each.name, ended)
		case <-time.After(10 * time.Second):
			fmt.Printf("case %s failed no end after 10 s\n", each.name)
		}
	}
}
