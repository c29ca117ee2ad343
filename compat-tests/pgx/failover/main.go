// A pool under load while the leader is killed: the retry rule of docs/operations/clients.md, with pgx.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const workers = 8

var (
	all  = context.Background()
	seen = map[string]int{}
	lock sync.Mutex
)

// Nothing was done: send it again.
var again = map[string]bool{"40001": true, "40P01": true, "55P03": true, "57P01": true, "57P03": true, "53300": true, "25006": true}

// Any node serves any session: each connection tries them in an order of its own.
func connect() *pgxpool.Pool {
	hosts := strings.Split(os.Getenv("EIDER_HOSTS"), ",")
	config, err := pgxpool.ParseConfig(fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable&connect_timeout=2&pool_max_conns=%d", strings.Join(hosts, ","), workers))
	if err != nil {
		panic(err)
	}
	config.BeforeConnect = func(_ context.Context, one *pgx.ConnConfig) error {
		nodes := append(one.Fallbacks, &pgconn.FallbackConfig{Host: one.Host, Port: one.Port})
		rand.Shuffle(len(nodes), func(a, b int) { nodes[a], nodes[b] = nodes[b], nodes[a] })
		one.Host, one.Port, one.Fallbacks = nodes[0].Host, nodes[0].Port, nodes[1:]
		return nil
	}
	pool, err := pgxpool.NewWithConfig(all, config)
	if err != nil {
		panic(err)
	}
	return pool
}

func transfer(pool *pgxpool.Pool, key string) error {
	soon, stop := context.WithTimeout(all, 20*time.Second)
	defer stop()
	return pgx.BeginFunc(soon, pool, func(tx pgx.Tx) error {
		for _, sql := range []string{"UPDATE account SET balance = balance - 1 WHERE id = 1", "UPDATE account SET balance = balance + 1 WHERE id = 2"} {
			if _, err := tx.Exec(soon, sql); err != nil {
				return err
			}
		}
		_, err := tx.Exec(soon, "INSERT INTO moved VALUES ($1, 1)", key)
		return err
	})
}

// Does it exactly once, whatever happens.
func move(pool *pgxpool.Pool, key string) {
	unknown := false
	for {
		err := transfer(pool, key)
		if err == nil {
			return
		}
		state := "connection"
		var failed *pgconn.PgError
		if errors.As(err, &failed) {
			state = failed.Code
		}
		// An attempt whose outcome nobody could tell was committed.
		if state == "23505" && unknown {
			return
		}
		if state == "23505" {
			panic(err)
		}
		// Who couldn't connect has sent nothing.
		var refused *pgconn.ConnectError
		unknown = unknown || !(again[state] || errors.As(err, &refused))
		lock.Lock()
		seen[state]++
		lock.Unlock()
		time.Sleep(20 * time.Millisecond)
	}
}

func main() {
	seconds := 12.0
	if given, err := strconv.ParseFloat(os.Getenv("EIDER_SECONDS"), 64); err == nil {
		seconds = given
	}
	pool := connect()
	for _, sql := range []string{
		"DROP TABLE IF EXISTS moved", "DROP TABLE IF EXISTS account",
		"CREATE TABLE moved (key text PRIMARY KEY, amount int)",
		"CREATE TABLE account (id int PRIMARY KEY, balance int)", "INSERT INTO account VALUES (1, 0), (2, 0)",
	} {
		if _, err := pool.Exec(all, sql); err != nil {
			panic(err)
		}
	}
	fmt.Println("ready")
	until := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	done := make(chan int)
	for worker := range workers {
		go func() {
			count := 0
			for ; time.Now().Before(until); count++ {
				move(pool, fmt.Sprintf("%d.%d", worker, count))
			}
			done <- count
		}()
	}
	acknowledged := 0
	for range workers {
		acknowledged += <-done
	}
	var rows, first, second int
	err := connect().QueryRow(all, "SELECT (SELECT count(*) FROM moved), (SELECT balance FROM account WHERE id = 1), (SELECT balance FROM account WHERE id = 2)").Scan(&rows, &first, &second)
	fmt.Printf("acknowledged %d rows %d balances [%d %d] errors %v %v\n", acknowledged, rows, first, second, seen, err)
	if err != nil || rows != acknowledged || first != -rows || second != rows || rows == 0 {
		os.Exit(1)
	}
}
