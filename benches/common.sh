# What the benchmarks share. Sourced, with `name`, `work` and an array `pids` set.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# A TCP port that is free now.
free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }

# Waits until a node at an HTTP port says that it is ready.
wait_ready() { # port log
  local deadline=$((SECONDS + 30))
  until curl -sf "http://127.0.0.1:$1/readyz" >/dev/null; do
    [ $SECONDS -lt $deadline ] || { echo "$name: a node did not get ready" >&2; tail -5 "$2" >&2; exit 1; }
    sleep 0.1
  done
}

# Builds Eider and starts three nodes. Sets http[n] and pg[n], from 1, `leader` and `follower`.
start_eider() {
  (cd "$root" && cargo build --release --quiet)
  local eider="${CARGO_TARGET_DIR:-$root/target}/release/eider"
  local -a raft join
  local n
  for n in 1 2 3; do http[n]=$(free_port); pg[n]=$(free_port); raft[n]=$(free_port); done
  for n in 1 2 3; do
    join=(); [ $n = 1 ] || join=(--join "127.0.0.1:${raft[1]}")
    "$eider" serve --node-id $n --http-addr "127.0.0.1:${http[n]}" --raft-addr "127.0.0.1:${raft[n]}" \
      --pg-addr "127.0.0.1:${pg[n]}" "${join[@]}" "$work/eider$n" >"$work/eider$n.log" 2>&1 &
    pids+=($!)
    wait_ready "${http[n]}" "$work/eider$n.log"
  done
  leader=$(leader_at "${http[1]}"); follower=$((leader % 3 + 1))
}

# The id of the node that leads.
leader_at() { # port
  curl -s "http://127.0.0.1:$1/nodes?ver=2" | python3 -c 'import json,sys; print([n["id"] for n in json.load(sys.stdin)["nodes"] if n["leader"]][0])'
}

# Prints a line of the table: the medians, and their ratio.
report() { # workload eider's peer's
  python3 - "$@" <<'PY'
import statistics, sys
workload, mine, theirs = sys.argv[1], *[statistics.median(map(float, a.split())) for a in sys.argv[2:4]]
print(f"{workload:<44} {mine:>12.0f} {theirs:>12.0f} {mine / theirs:>8.2f}", flush=True)
PY
}
