#!/usr/bin/env bash
# The relay's CPU for a byte, beside HAProxy's in TCP mode: the same echo behind both, the same load before both, turn and turn about.
#   src/bench/shell/relay.sh [ROUNDS] [load options...]        needs haproxy on the path, and target/sluice
set -euo pipefail
cd "$(dirname "$0")/../../.."
command -v haproxy >/dev/null || { echo "relay: haproxy is missing" >&2; exit 1; }
rounds=${1:-5}
shift || true
load=("$@")
[ ${#load[@]} -gt 0 ] || load=(-c 16 -s 64k -P 2 -d 5s -w 2s)

work=$(mktemp -d)
pids=()
tidy() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; wait; rm -rf "$work"; }
trap tidy EXIT
await() { for _ in $(seq 300); do [ -s "$1" ] && return; sleep 0.1; done; echo "relay: $1 did not appear" >&2; exit 1; }
serve() { # NAME ARGUMENTS...
    local name=$1
    shift
    ./target/sluice serve "$@" -q -p 0 --port-file "$work/$name" 2>"$work/$name.log" &
    pids+=($!)
    await "$work/$name"
}

serve echo echo
echo=$(cat "$work/echo")
serve proxy proxy --to "127.0.0.1:$echo"
ours=$(cat "$work/proxy")
ours_pid=${pids[1]}
theirs=$((ours + 1))
cat >"$work/haproxy.cfg" <<CFG
global
    nbthread 1
    maxconn 2000
defaults
    mode tcp
    timeout connect 5s
    timeout client 5m
    timeout server 5m
listen relay
    bind 127.0.0.1:$theirs
    server echo 127.0.0.1:$echo
CFG
haproxy -q -db -f "$work/haproxy.cfg" &
theirs_pid=$!
pids+=("$theirs_pid")
sleep 0.5

measure() { # NAME PORT PID ROUND
    ./target/sluice load "$2" "${load[@]}" --server-pid "$3" --json "$work/$1.$4.json" >/dev/null
}
measure warm "$ours" "$ours_pid" 0
for round in $(seq "$rounds"); do
    measure sluice "$ours" "$ours_pid" "$round"
    measure haproxy "$theirs" "$theirs_pid" "$round"
done
python3 - "$work" "$rounds" <<'PY'
import json, statistics, sys
work, rounds = sys.argv[1], int(sys.argv[2])
def cpu(name, i):
    result = json.load(open(f"{work}/{name}.{i}.json"))
    return result["usage"]["serverNs"] / 1e3 / result["answered"], result["answered"] / result["seconds"]
ratios = []
for i in range(1, rounds + 1):
    (a, ra), (b, rb) = cpu("sluice", i), cpu("haproxy", i)
    ratios.append(a / b)
    print(f"round {i}: sluice {a:.2f} us/request at {ra:.0f}/s, haproxy {b:.2f} us/request at {rb:.0f}/s, ratio {a / b:.2f}")
print(f"median ratio {statistics.median(ratios):.2f}")
PY
