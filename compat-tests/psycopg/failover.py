"""A pool under load while the leader is killed: the retry rule of docs/operations/clients.md, with psycopg."""

import os
import queue
import random
import sys
import threading
import time

import psycopg

HOSTS = os.environ["EIDER_HOSTS"]  # "127.0.0.1:5432,127.0.0.1:5433,..."
WORKERS = 8
SECONDS = float(os.environ.get("EIDER_SECONDS", "12"))

# Nothing was done: send it again.
AGAIN = {"40001", "40P01", "55P03", "57P01", "57P03", "53300", "25006"}
seen = {}
lock = threading.Lock()


def connect():
    # Any node serves any session: each connection tries them in an order of its own.
    hosts = HOSTS.split(",")
    random.shuffle(hosts)
    names, ports = zip(*(host.rsplit(":", 1) for host in hosts))
    return psycopg.connect(host=",".join(names), port=",".join(ports), user="postgres", dbname="postgres",
                           connect_timeout=2, autocommit=True, sslmode="disable")


pool = queue.LifoQueue()


def take():
    try:
        return pool.get_nowait()
    except queue.Empty:
        return connect()


def note(error):
    with lock:
        state = error.sqlstate or "connection"
        seen[state] = seen.get(state, 0) + 1


def transfer(c, key, amount):
    with c.transaction():
        c.execute("INSERT INTO moved VALUES (%s, %s)", [key, amount])
        c.execute("UPDATE account SET balance = balance - %s WHERE id = 1", [amount])
        c.execute("UPDATE account SET balance = balance + %s WHERE id = 2", [amount])


def move(key, amount):
    """Does it exactly once, whatever happens."""
    unknown = False
    while True:
        c = None
        try:
            c = take()
            transfer(c, key, amount)
            pool.put(c)
            return
        except psycopg.errors.UniqueViolation:
            pool.put(c)
            # An attempt whose outcome nobody could tell was committed.
            if unknown:
                return
            raise
        except psycopg.Error as error:
            note(error)
            if c is None:
                time.sleep(0.05)
            elif error.sqlstate in AGAIN and not c.closed:
                pool.put(c)
            else:
                unknown |= error.sqlstate not in AGAIN
                c.close()
            time.sleep(0.02)


def work(number, until, done):
    count = 0
    while time.time() < until:
        move(f"{number}.{count}", 1)
        count += 1
    done.append(count)


def main():
    c = connect()
    c.execute("DROP TABLE IF EXISTS moved")
    c.execute("DROP TABLE IF EXISTS account")
    c.execute("CREATE TABLE moved (key text PRIMARY KEY, amount int)")
    c.execute("CREATE TABLE account (id int PRIMARY KEY, balance int)")
    c.execute("INSERT INTO account VALUES (1, 0), (2, 0)")
    print("ready", flush=True)
    done, until = [], time.time() + SECONDS
    workers = [threading.Thread(target=work, args=(number, until, done)) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    acknowledged = sum(done)
    with connect() as c:
        rows = c.execute("SELECT count(*) FROM moved").fetchone()[0]
        balances = [row[0] for row in c.execute("SELECT balance FROM account ORDER BY id")]
    print(f"acknowledged {acknowledged} rows {rows} balances {balances} errors {dict(sorted(seen.items()))}")
    sys.exit(0 if rows == acknowledged and balances == [-rows, rows] and rows > 0 else 1)


main()
