// pgx: the extended protocol in binary, prepared statements cached by default.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

var all = context.Background()

func url() string {
	return fmt.Sprintf("postgres://%s@%s:%s/%s", os.Getenv("PGUSER"), os.Getenv("PGHOST"), os.Getenv("PGPORT"), os.Getenv("PGDATABASE"))
}

func equal(got, expected any) {
	if !reflect.DeepEqual(got, expected) {
		panic(fmt.Sprintf("%#v instead of %#v", got, expected))
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// What a case has opened, and may have left in a transaction that locks others out.
var opened []*pgx.Conn

func connect() *pgx.Conn {
	c := must(pgx.Connect(all, url()))
	opened = append(opened, c)
	return c
}

func closeAll() {
	for _, c := range opened {
		_ = c.Close(all) // It may be broken already.
	}
	opened = nil
}

func one[T any](c *pgx.Conn, sql string, values ...any) T {
	var got T
	if err := c.QueryRow(all, sql, values...).Scan(&got); err != nil {
		panic(err)
	}
	return got
}

func values() {
	c := connect()
	equal(one[int32](c, "SELECT $1::int", 42), int32(42))
	equal(one[int64](c, "SELECT $1::bigint", int64(1)<<62), int64(1)<<62)
	equal(one[string](c, "SELECT $1::text", "é日本"), "é日本")
	equal(one[bool](c, "SELECT $1::boolean", true), true)
	equal(one[string](c, "SELECT $1::numeric::text", "1.50"), "1.50")
	equal(one[float64](c, "SELECT $1::float8", 0.1), 0.1)
	equal(one[[]byte](c, "SELECT $1::bytea", []byte{0, 255}), []byte{0, 255})
	at := time.Date(2024, 2, 29, 12, 34, 56, 789000000, time.UTC)
	equal(one[time.Time](c, "SELECT $1::timestamptz", at).Equal(at), true)
	equal(one[time.Time](c, "SELECT $1::timestamp", at).Equal(at), true)
	equal(one[string](c, "SELECT $1::uuid::text", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
	equal(one[[]int32](c, "SELECT $1::int[]", []int32{1, 2, 3}), []int32{1, 2, 3})
	equal(one[[]string](c, "SELECT $1::text[]", []string{"a", ""}), []string{"a", ""})
	equal(one[map[string]any](c, "SELECT $1::jsonb", map[string]any{"a": 1.5}), map[string]any{"a": 1.5})
	equal(one[*int32](c, "SELECT $1::int", nil), (*int32)(nil))
}

func modes() {
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		equal(one[int32](connect(), "SELECT $1::int + 1", mode, 41), int32(42))
	}
}

func transaction() {
	c := connect()
	must(c.Exec(all, "CREATE TABLE txg (a int PRIMARY KEY)"))
	tx := must(c.Begin(all))
	must(tx.Exec(all, "INSERT INTO txg VALUES ($1)", 1))
	inner := must(tx.Begin(all))
	_, err := inner.Exec(all, "INSERT INTO txg VALUES ($1)", 1)
	var failed *pgconn.PgError
	if !errors.As(err, &failed) {
		panic("no error")
	}
	equal([]string{failed.Code, failed.ConstraintName, failed.Detail}, []string{"23505", "txg_pkey", "Key (a)=(1) already exists."})
	if err := inner.Rollback(all); err != nil {
		panic(err)
	}
	if err := tx.Commit(all); err != nil {
		panic(err)
	}
	equal(one[int64](c, "SELECT count(*) FROM txg"), int64(1))
}

func batch() {
	c := connect()
	queued := &pgx.Batch{}
	for n := range 20 {
		queued.Queue("SELECT $1::int * 2", n)
	}
	results := c.SendBatch(all, queued)
	for n := range 20 {
		var got int
		if err := results.QueryRow().Scan(&got); err != nil {
			panic(err)
		}
		equal(got, n*2)
	}
	if err := results.Close(); err != nil {
		panic(err)
	}
}

func copyFrom() {
	c := connect()
	must(c.Exec(all, "CREATE TABLE cog (a int, b text)"))
	count := must(c.CopyFrom(all, pgx.Identifier{"cog"}, []string{"a", "b"}, pgx.CopyFromRows([][]any{{1, "one"}, {2, nil}})))
	equal(count, int64(2))
	equal(one[int64](c, "SELECT count(b) FROM cog"), int64(1))
}

func notify() {
	listener, sender := connect(), connect()
	must(listener.Exec(all, "LISTEN chang"))
	must(sender.Exec(all, "NOTIFY chang, 'hi'"))
	soon, stop := context.WithTimeout(all, 5*time.Second)
	defer stop()
	heard := must(listener.WaitForNotification(soon))
	equal([]string{heard.Channel, heard.Payload}, []string{"chang", "hi"})
}

func cancel() {
	soon, stop := context.WithTimeout(all, 300*time.Millisecond)
	defer stop()
	_, err := connect().Exec(soon, "SELECT count(*) FROM generate_series(1, 1000000000)")
	equal(err != nil, true)
}

func pool() {
	many := must(pgxpool.New(all, url()+"?pool_max_conns=4"))
	defer many.Close()
	done := make(chan int)
	for n := range 20 {
		go func() {
			var got int
			if err := many.QueryRow(all, "SELECT $1::int", n).Scan(&got); err != nil {
				got = -1
			}
			done <- got
		}()
	}
	sum := 0
	for range 20 {
		sum += <-done
	}
	equal(sum, 190)
}

func targetSessionAttrs() {
	hosts := os.Getenv("EIDER_HOSTS")
	several := strings.Contains(hosts, ",")
	for _, each := range []struct {
		attrs     string
		standby   bool
		otherwise bool // Whether a primary will do where there is no standby.
	}{
		{"read-write", false, true}, {"primary", false, true}, {"read-only", true, false}, {"standby", true, false},
		{"prefer-standby", true, true},
	} {
		target := fmt.Sprintf("postgres://%s@%s/%s?target_session_attrs=%s", os.Getenv("PGUSER"), hosts, os.Getenv("PGDATABASE"), each.attrs)
		c, err := pgx.Connect(all, target)
		if err != nil {
			equal(fmt.Sprint(each.attrs, several, each.otherwise), fmt.Sprint(each.attrs, false, false))
			continue
		}
		opened = append(opened, c)
		wanted := "off"
		if each.standby && several {
			wanted = "on"
		}
		equal(each.attrs+one[string](c, "SHOW in_hot_standby"), each.attrs+wanted)
	}
}

func main() {
	for _, each := range []struct {
		name string
		body func()
	}{
		{"values", values}, {"modes", modes}, {"transaction", transaction}, {"batch", batch}, {"copy_from", copyFrom},
		{"notify", notify}, {"cancel", cancel}, {"pool", pool}, {"target_session_attrs", targetSessionAttrs},
	} {
		func() {
			defer func() {
				if problem := recover(); problem != nil {
					fmt.Printf("case %s failed %s\n", each.name, strings.Join(strings.Fields(fmt.Sprint(problem)), " "))
				} else {
					fmt.Printf("case %s ok\n", each.name)
				}
			}()
			defer closeAll()
			each.body()
		}()
	}
}
