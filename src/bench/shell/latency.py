#!/usr/bin/env python3
"""Latency at planned times, half of what the slower of two servers can do: open loop, so that who stalls is not spared.

    mvn -q -Pbench test-compile package -DskipTests      (once)
    src/bench/shell/latency.py [--rounds 10] [--seconds 5] [--java HOME] [--connections 50]
"""
import statistics
import servers
from servers import Workshop, rounds


def main():
    options = servers.options(rounds=10, seconds=5, connections="50")
    load = ["-c", options.connections, "-s", "64", "-w", "1s", "-d", f"{options.seconds}s"]
    with Workshop(options.java) as workshop:
        both = [workshop.contender(name) for name in ["reactor", "netty", "reactor again"]]
        capacity = min(min(row.values()) for row in rounds(2, both, lambda server: workshop.load(server, *load)["answered"] / options.seconds))
        rate = int(capacity / 2)
        print(f"{rate:,} requests a second over {options.connections} connections, half of the capacity; microseconds, medians of {options.rounds}")
        table = rounds(options.rounds, both, lambda server: workshop.load(server, *load, "-R", str(rate))["latency"])
        for name in table[0]:
            print(f"  {name:14}" + "".join(f" {mark} {statistics.median(row[name][mark] for row in table) / 1e3:8.0f}" for mark in ["p50", "p99", "p999"]))
        for mark in ["p50", "p99", "p999"]:
            ratio = statistics.median(row["reactor"][mark] / row["netty"][mark] for row in table)
            noise = sorted(row["reactor"][mark] / row["reactor again"][mark] for row in table)
            print(f"  reactor against netty, {mark}: {ratio:.2f}; against itself {noise[0]:.2f} to {noise[-1]:.2f}, median {statistics.median(noise):.2f}")


main()
