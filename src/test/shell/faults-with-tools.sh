#!/usr/bin/env bash
# Faults of the scorecard (src/test/README.md) that need root and tools which a build does not install: they are fetched with apt-get
# into a directory of their own. Prints PASS, FAIL or NOT RUN for each; ends with 1 if one failed.
#
#     mvn -q package -DskipTests && src/test/shell/faults-with-tools.sh
set -u
program=$(realpath "${1:-target/sluice}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

verdict() { # name, status: 0 pass, 77 not run
    case $2 in
        0) echo "PASS     $1" ;;
        77) echo "NOT RUN  $1: $3" ;;
        *) echo "FAIL     $1"; failed=1 ;;
    esac
}

fetch() { # packages, unpacked into $work/root
    (cd "$work" && apt-get download "$@" >/dev/null 2>&1 && for each in *.deb; do dpkg -x "$each" root; done && rm -f ./*.deb)
}

# Runs a script in a network namespace with a server on port 7007; $dir/err has what it said.
in_namespace() {
    dir=$(mktemp -d -p "$work")
    head -c 1000000 /dev/urandom >"$dir/a"
    LD_LIBRARY_PATH=$(find "$work/root" -type d -path '*/lib/*-linux-gnu' | paste -sd:) timeout 120 unshare -n bash -c '
        set -e; program=$1; dir=$2; root=$3; ip link set lo up
        eval "$4"
        "$program" serve echo -q -p 7007 --port-file "$dir/port" 2>"$dir/err" & server=$!
        for i in $(seq 300); do [ -s "$dir/port" ] && break; sleep 0.1; done
        eval "$5"
        kill $server; wait $server; grep -q "drained: .* 0 cut, 0 bytes lost" "$dir/err"' \
        bash "$program" "$dir" "$work/root" "$1" "$2" >"$dir/log" 2>&1
}

whole='timeout 60 "$program" client 7007 <"$dir/a" >"$dir/b"; cmp "$dir/a" "$dir/b"'

if [ "$(id -u)" != 0 ]; then
    for each in F24 F25 F35 F42; do verdict $each 77 "needs root"; done
    exit 0
fi

if fetch nftables libnftables1 libnftnl11; then
    in_namespace 'ip link set lo mtu 1500; ip link set lo gso_max_size 1500 gso_max_segs 1
        "$root/usr/sbin/nft" add table inet t
        "$root/usr/sbin/nft" add chain inet t i "{ type filter hook input priority 0; }"
        "$root/usr/sbin/nft" add rule inet t i tcp dport 7007 numgen random mod 100 "<" 5 counter drop
        "$root/usr/sbin/nft" add rule inet t i tcp sport 7007 numgen random mod 100 "<" 5 counter drop' \
        "$whole; \"\$root/usr/sbin/nft\" list ruleset | grep -q 'packets [1-9]'"
    verdict "F25 5 % of packets lost, both ways" $?
else
    verdict "F25 5 % of packets lost" 77 "nftables cannot be fetched"
fi

in_namespace 'sysctl -qw net.ipv6.conf.all.disable_ipv6=1' "$whole"
verdict "F35 a network without IPv6" $?

cat >"$work/small.py" <<'END'
import socket, threading
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 88)
s.connect(("127.0.0.1", 7007))
sent = bytes(i * 31 % 251 for i in range(300000))
def send():
    s.sendall(sent)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
got = b""
while True:
    piece = s.recv(500)
    if not piece:
        break
    got += piece
assert got == sent, (len(got), len(sent))
END
if command -v python3 >/dev/null; then
    in_namespace true "timeout 60 python3 $work/small.py"
    verdict "F42 segments of 88 bytes, a window of 2 kB" $?
else
    verdict "F42 segments of 88 bytes" 77 "no python3"
fi

cat >"$work/clock.py" <<'END'
import socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.settimeout(20)
def ask():
    s.sendall(b"x"); assert s.recv(1) == b"x"
for clock in ("+0", "+1d", "-1h", "+0"):
    open(sys.argv[2], "w").write(clock + "\n")
    for i in range(10):
        ask(); time.sleep(0.1)  # a second of each: less than may be idle, whatever the wall clock says
begin = time.monotonic()
assert s.recv(1) == b"", "idle"
assert 1.5 < time.monotonic() - begin < 6, "its time-out is that of the monotonic clock"
END
if command -v python3 >/dev/null && fetch libfaketime; then
    echo "+0" >"$work/clock"
    LD_PRELOAD=$(find "$work/root" -name libfaketimeMT.so.1) FAKETIME_TIMESTAMP_FILE=$work/clock FAKETIME_NO_CACHE=1 \
        DONT_FAKE_MONOTONIC=1 "$program" serve echo -p 0 --idle-timeout 2s --port-file "$work/port" 2>"$work/err" &
    server=$!
    for i in $(seq 300); do [ -s "$work/port" ] && break; sleep 0.1; done
    timeout 60 python3 "$work/clock.py" "$(cat "$work/port")" "$work/clock"
    status=$?
    kill $server && wait $server || status=1
    verdict "F24 the wall clock, a day ahead and an hour back" $status
else
    verdict "F24 the wall clock" 77 "libfaketime cannot be fetched, or no python3"
fi
exit $failed
