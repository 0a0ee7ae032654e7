#!/usr/bin/env python3
"""The server's system calls for a request, as strace -c counts them: an echo, and one that makes a hundred writes in a callback.

    mvn -q -Pbench test-compile package -DskipTests            (once)
    src/bench/shell/syscalls.py [--java HOME] [--of reactor]   needs strace, and the right to trace
"""
import os, signal, subprocess, sys
import servers
from servers import Workshop


LOOPS = ("sluice-reactor", "multiThreadIoEv")  # names of threads, in the kernel's 15 characters


def loop_of(server):
    """The loop's thread: other threads of the JVM do nothing for a request."""
    for task in os.listdir(f"/proc/{server.process.pid}/task"):
        with open(f"/proc/{server.process.pid}/task/{task}/comm") as name:
            if name.read().startswith(LOOPS):
                return task
    sys.exit("there is no loop")


def main():
    options = servers.options(of="reactor")
    with Workshop(options.java) as workshop:
        echo = workshop.contender(options.of)
        cases = [(echo, ["-c", connections, "-s", size]) for connections, size in [("1", "64"), ("50", "64"), ("1000", "64"), ("8", "64k")]]
        if options.of == "reactor":
            cases.append((workshop.start("a hundred writes in a callback", workshop.jvm("HundredWrites")), ["-c", "50", "-s", "100"]))
        for server, load in cases:
            workshop.load(server, *load, "-d", "2s", "-w", "1ms")
            table = workshop.folder / "calls"
            strace = subprocess.Popen(["strace", "-c", "-o", str(table), "-p", loop_of(server)], stderr=subprocess.PIPE, text=True)
            said = strace.stderr.readline()
            if "attached" not in said:
                sys.exit(said)
            result = workshop.load(server, *load, "-d", "3s", "-w", "1ms")
            strace.send_signal(signal.SIGINT)
            strace.wait()
            # the answers of the warm-up, and the last ones, are not measured: reads count the requests
            rows = [row.split() for row in table.read_text().splitlines()]  # % time, seconds, usecs/call, calls, errors if any, name
            calls = {row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit() and row[-1] != "total"}
            reads = calls["read"]
            print(f"\n{server.name}, {' '.join(load)}: {reads:,} reads, {result['answered']:,} requests; calls for a read")
            for name, count in sorted(calls.items(), key=lambda call: -call[1]):
                print(f"  {name:14} {count / reads:8.4f}   ({count:,})", flush=True)


main()
