#!/usr/bin/env python3
"""Nanoseconds of our own code for an event, the kernel taken out: every case in a JVM of its own, and where the time of an echo goes.

    mvn -q -Pbench test-compile package -DskipTests      (once)
    src/bench/shell/inside.py [--java HOME] [--quick]
"""
import subprocess
import servers
from servers import Workshop

CONNECTIONS = [1, 2, 50, 1_000, 10_000]
PARTS = {
    "channels": "channels and selector alone",
    "loop": "and the reactor: turn, dispatch, clock, counters",
    "discard": "and a server's connection: read, handler, limits, deadlines, interest",
    "echo": "and its queue: write, chunk, flush, marks",
}


def main():
    options = servers.options(quick=False)  # whether it starts; the figures mean nothing
    with Workshop(options.java) as workshop:
        def measure(case, connections, size, depth):
            command = workshop.jvm("instant.InsideBench", case, str(connections), str(size), str(depth), "20" if options.quick else "500",
                                   flags=["-Djava.nio.channels.spi.SelectorProvider=dev.sluice.program.bench.instant.InstantNetwork"])
            return [float(word) for word in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()]

        print("an echo of 64 bytes, by parts: nanoseconds, each with all before it")
        for case, meaning in PARTS.items():
            figures = [measure(case, connections, 64, 1)[0] for connections in CONNECTIONS]
            print(f"  {meaning:72}" + "".join(f"{f:8.1f}" for f in figures), flush=True)
        if options.quick:
            return
        print("an echo: nanoseconds for an event, median and range; for a request")
        for connections in CONNECTIONS:
            for size in [64, 1_024, 4_096]:
                for depth in [1, 16]:
                    median, least, most = measure("echo", connections, size, depth)
                    print(f"  {connections:6,} connections {size:5} B {depth:3} at a time {median:7.1f} ({least:.1f} to {most:.1f}) {median / depth:7.1f}",
                          flush=True)


main()
