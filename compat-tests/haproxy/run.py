"""HAProxy in front of all nodes, which it asks by HTTP whether they are ready, and which one leads: the settings of
docs/operations/clients.md."""

import csv
import io
import json
import os
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "harness"))
import cases
import psycopg
import servers
from cases import equal

ANY, LEADER, HTTP, STATS = (servers.free_port() for _ in range(4))
NODES = os.environ["EIDER_HOSTS"].split(",")
CHECKED = os.environ["EIDER_HTTP"].split(",")


def configuration(folder):
    def nodes(addresses):
        together = enumerate(zip(addresses, CHECKED))
        return "\n".join(f"  server node{at} {node} check port {http.rsplit(':', 1)[1]} inter 200ms rise 1 fall 1 "
                         "on-marked-down shutdown-sessions" for at, (node, http) in together)
    return servers.write(folder, "haproxy.cfg", f"""global
  maxconn 500
defaults
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen statistics
  mode http
  bind 127.0.0.1:{STATS}
  stats enable
  stats uri /
frontend any_node
  mode tcp
  bind 127.0.0.1:{ANY}
  default_backend ready
backend ready
  mode tcp
  balance leastconn
  option httpchk
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host eider
  http-check expect status 200
{nodes(NODES)}
frontend leader
  mode tcp
  bind 127.0.0.1:{LEADER}
  default_backend leading
backend leading
  mode tcp
  option httpchk
  http-check send meth GET uri /status?key=store.raft.state ver HTTP/1.1 hdr Host eider
  http-check expect string "Leader"
{nodes(NODES)}
frontend http
  mode http
  bind 127.0.0.1:{HTTP}
  default_backend http_ready
backend http_ready
  mode http
  option httpchk
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host eider
  http-check expect status 200
{nodes(CHECKED)}
""")


def connect(port, **options):
    return psycopg.connect(host="127.0.0.1", port=port, user=os.environ["PGUSER"], dbname=os.environ["PGDATABASE"], autocommit=True, **options)


def case_any_node():
    """Every node gets its share."""
    seen = set()
    together = [connect(ANY) for _ in range(3 * len(NODES))]
    for c in together:
        seen.add(c.execute("SELECT pg_is_in_recovery()").fetchone()[0])
    [c.close() for c in together]
    equal(seen, {True, False})


def case_leader():
    for _ in range(5):
        with connect(LEADER) as c:
            equal(c.execute("SELECT pg_is_in_recovery()").fetchone(), (False,))
            equal(c.info.parameter_status("in_hot_standby"), "off")


def case_reads_what_was_written_through_it():
    with connect(LEADER) as c:
        c.execute("CREATE TABLE through (id int PRIMARY KEY)")
    failures = []

    def work(seed):
        try:
            for at in range(10):
                with connect(ANY) as c:
                    c.execute("INSERT INTO through VALUES (%s)", (seed * 10 + at,))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    equal(failures, [])
    with connect(LEADER) as c:
        equal(c.execute("SELECT count(*) FROM through").fetchone(), (60,))


def case_http():
    body = json.dumps([["SELECT 1 + 1 AS two"]]).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{HTTP}/db/query", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        equal(json.load(answer)["results"][0]["values"], [[2]])


def checked():
    """Waits until every node has been checked: before that all count as leaders."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"http://127.0.0.1:{STATS}/;csv") as answer:
            rows = list(csv.DictReader(io.TextIOWrapper(answer)))
        up = [row for row in rows if row["# pxname"] == "leading" and row["svname"].startswith("node") and row["status"] == "UP"]
        if len(up) == 1 and up[0]["check_status"] == "L7OK":
            return
        time.sleep(0.05)
    raise AssertionError(f"HAProxy finds no leader: {rows}")


with servers.folder() as place:
    path = configuration(place)
    with servers.running(["haproxy", "-db", "-f", path], LEADER, place):
        checked()
        cases.run(globals())
