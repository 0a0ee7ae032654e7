#!/usr/bin/env python3
"""Latency at planned times (open loop, so that a stall counts), at half of the capacity of the slower of two servers.

    mvn -q -Pbench test-compile package -DskipTests      (once)
    src/bench/shell/latency.py [--rounds 10] [--seconds 5] [--java HOME] [--connections 50]
"""
import statistics, sys
import servers
from servers import Workshop, median, rounds


def main():
    options = servers.options(rounds=10, seconds=5.0, connections="50")
    load = ["-c", options.connections, "-s", "64", "-w", "1s", "-d", f"{int(options.seconds * 1e3)}ms"]
    with Workshop(options.java) as workshop:
        both = [workshop.contender(name) for name in ["reactor", "netty", "reactor again"]]
        capacity = min(min(row.values()) for row in rounds(2, both, lambda server: workshop.load(server, *load)["answered"] / options.seconds))
        rate = int(capacity / 2)
        print(f"{rate:,} requests a second over {options.connections} connections, half of the capacity; microseconds, medians of {options.rounds}")

        def latency(server):
            result = workshop.load(server, *load, "-R", str(rate))
            if result["answered"] < 0.99 * rate * options.seconds:
                sys.exit(f"{server.name} carried {result['answered'] / options.seconds:,.0f} a second")
            return result["latency"]

        table = rounds(options.rounds, both, latency)
        for name in table[0]:
            print(f"  {name:14}" + "".join(f" {mark} {statistics.median(row[name][mark] for row in table) / 1e3:8.0f}" for mark in ["p50", "p99", "p999"]))
        for mark in ["p50", "p99", "p999"]:
            against = {other: median(row["reactor"][mark] / row[other][mark] for row in table) for other in ["netty", "reactor again"]}
            print(f"  reactor against netty, {mark}: {against['netty']}; against itself {against['reactor again']}")


main()
