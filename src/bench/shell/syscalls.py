#!/usr/bin/env python3
"""The server's system calls for a request, as strace -c counts them: an echo, and one that makes a hundred writes in a callback.

    mvn -q -Pbench test-compile package -DskipTests      (once)
    src/bench/shell/syscalls.py [--java HOME]            needs strace, and the right to trace
"""
import os, signal, subprocess, sys
import servers
from servers import Workshop


def loop_of(server):
    """The loop's thread: what the JVM does elsewhere is not the request's."""
    for task in os.listdir(f"/proc/{server.process.pid}/task"):
        with open(f"/proc/{server.process.pid}/task/{task}/comm") as name:
            if name.read().startswith("sluice-reactor"):
                return task
    sys.exit("there is no loop")


def main():
    with Workshop(servers.options().java) as workshop:
        writes = workshop.start("a hundred writes in a callback", workshop.jvm("HundredWrites"))
        echo = workshop.contender("reactor")
        for server, load in (echo, ["-c", "1", "-s", "64"]), (echo, ["-c", "50", "-s", "64"]), (echo, ["-c", "1000", "-s", "64"]), (writes, ["-c", "50", "-s", "100"]):
            workshop.load(server, *load, "-d", "2s", "-w", "1ms")
            table = workshop.folder / "calls"
            strace = subprocess.Popen(["strace", "-c", "-o", str(table), "-p", loop_of(server)], stderr=subprocess.PIPE, text=True)
            said = strace.stderr.readline()
            if "attached" not in said:
                sys.exit(said)
            result = workshop.load(server, *load, "-d", "3s", "-w", "1ms")
            strace.send_signal(signal.SIGINT)
            strace.wait()
            # the warm-up's and the last answers are not among those measured: requests are counted by their reads
            rows = [row.split() for row in table.read_text().splitlines()]  # % time, seconds, usecs/call, calls, errors if any, name
            calls = {row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit() and row[-1] != "total"}
            reads = calls["read"]
            print(f"\n{server.name}, {' '.join(load)}: {reads:,} reads, {result['answered']:,} requests; calls for a read")
            for name, count in sorted(calls.items(), key=lambda call: -call[1]):
                print(f"  {name:14} {count / reads:8.4f}   ({count:,})", flush=True)


main()
