#!/usr/bin/env bash
# Runs the README's commands as a newcomer would, on ports that are free: Maven's exec, the one file, a pipe, a signal.
set -euo pipefail
cd "$(dirname "$0")/../../.."
work=$(mktemp -d)
servers=()
# shellcheck disable=SC2317
tidy() { for pid in "${servers[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done; rm -rf "$work"; }
trap tidy EXIT

say() { echo "readme: $*"; }
fail() { echo "readme: FAILED: $*" >&2; exit 1; }
await() { for _ in $(seq 600); do [ -s "$1" ] && return; sleep 0.1; done; fail "$1 did not appear"; }

# mvn -q compile exec:exec -Dargs="serve echo -p 7007"
mvn -q compile exec:exec -Dargs="serve echo -p 0 --port-file $work/maven.port" >"$work/maven.log" 2>&1 &
maven=$!
servers+=("$maven")
await "$work/maven.port"
answer=$(./target/sluice client "$(cat "$work/maven.port")" --send hello)
[ "$answer" = hello ] || fail "echo under Maven answered '$answer'"
java=$(pgrep -f "port-file $work/maven.port" -P "$maven" || pgrep -f "Main serve echo -p 0 --port-file $work/maven.port")
kill -TERM "$java"
wait "$maven" || fail "Maven's exec ended with $?: $(cat "$work/maven.log")"
grep -q '^drained: ' "$work/maven.log" || fail "no summary under Maven: $(cat "$work/maven.log")"
say "mvn compile exec:exec serves and drains"

# ./target/sluice serve
./target/sluice serve -p 0 --port-file "$work/port" 2>"$work/log" &
server=$!
servers+=("$server")
await "$work/port"
port=$(cat "$work/port")
answer=$(./target/sluice client "$port" --send 'hello, world')
[ "$answer" = 'HELLO, WORLD' ] || fail "upper answered '$answer'"
head -c 5000000 /dev/zero | tr '\0' a >"$work/a"
./target/sluice client "$port" <"$work/a" >"$work/b"
tr a A <"$work/a" | cmp - "$work/b" || fail "5 MB came back changed"
kill -TERM "$server"
wait "$server" || fail "serve ended with $?"
tail -n 1 "$work/log" | grep -q '^drained: .* 0 cut, 0 bytes lost$' || fail "no summary: $(cat "$work/log")"
say "target/sluice serves, pipes 5 MB, and drains"

# ./target/sluice serve record --file F, behind serve proxy; serve echo --udp
serve() { # NAME ARGUMENTS...
    local name=$1
    shift
    ./target/sluice serve "$@" -p 0 --port-file "$work/$name.port" 2>"$work/$name.log" &
    servers+=("$!")
    await "$work/$name.port"
}
serve record record --file "$work/lines"
serve proxy proxy --to "127.0.0.1:$(cat "$work/record.port")"
serve udp echo --udp
answer=$(printf 'one\ntwo\n' | ./target/sluice client "$(cat "$work/proxy.port")")
[ "$answer" = $'ok 1\nok 2' ] || fail "record behind proxy answered '$answer'"
[ "$(cat "$work/lines")" = $'ONE\nTWO' ] || fail "record saved '$(cat "$work/lines")'"
answer=$(./target/sluice client "$(cat "$work/udp.port")" --udp --send hello)
[ "$answer" = hello ] || fail "echo --udp answered '$answer'"
for server in "${servers[@]: -3}"; do
    kill -TERM "$server"
    wait "$server" || fail "a service ended with $?"
done
say "record saves behind proxy, and datagrams come back"

# mvn javadoc:javadoc; mvn install -DskipTests: of a tree in which nothing was built, and which installs nothing
mkdir "$work/tree"
cp -r pom.xml src "$work/tree"
(cd "$work/tree" && mvn -B -ntp -q javadoc:javadoc </dev/null) >"$work/maven.log" 2>&1 || fail "javadoc:javadoc: $(cat "$work/maven.log")"
[ -f "$work/tree/target/reports/apidocs/dev.sluice/dev/sluice/Server.html" ] || fail "no page of Server"
(cd "$work/tree" && mvn -B -ntp -q install -DskipTests -Dmaven.install.skip=true </dev/null) >"$work/maven.log" 2>&1 \
    || fail "install -DskipTests: $(tail -n 40 "$work/maven.log")"
for each in surefire failsafe; do [ ! -e "$work/tree/target/$each-reports" ] || fail "install -DskipTests ran tests by $each"; done
for each in .jar -simulation.jar -all.jar; do ls "$work/tree"/target/sluice-*[0-9]"$each" >/dev/null || fail "no jar $each"; done
"$work/tree/target/sluice" --version >/dev/null || fail "no program"
say "javadoc:javadoc documents the library, install -DskipTests packages it and runs no test"

for shell in bash zsh fish; do ./target/sluice completion "$shell" >"$work/$shell"; done
bash -n "$work/bash"
say "completion prints its scripts"
