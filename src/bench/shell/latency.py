#!/usr/bin/env python3
"""Latency at planned times, half of what the slower of two servers can do: open loop, so that who stalls is not spared.

    mvn -q -Pbench test-compile package -DskipTests      (once)
    src/bench/shell/latency.py [--rounds 10] [--seconds 5] [--java HOME] [--connections 50]
"""
import argparse, os, statistics
from servers import Workshop, rounds


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--java", default=os.environ.get("JAVA_HOME"))
    options.add_argument("--connections", default="50")
    options = options.parse_args()
    load = ["-c", options.connections, "-s", "64", "-w", "1s", "-d", f"{options.seconds}s"]
    with Workshop() as workshop:
        servers = [workshop.contender(name, options.java) for name in ["reactor", "netty", "reactor again"]]
        capacity = min(min(row.values()) for row in rounds(2, servers, lambda server: workshop.load(server, *load)["answered"] / options.seconds))
        rate = int(capacity / 2)
        print(f"{rate:,} requests a second over {options.connections} connections, half of the capacity; microseconds, medians of {options.rounds}")
        table = rounds(options.rounds, servers, lambda server: workshop.load(server, *load, "-R", str(rate))["latency"])
        for name in table[0]:
            print(f"  {name:14}" + "".join(f" {mark} {statistics.median(row[name][mark] for row in table) / 1e3:8.0f}" for mark in ["p50", "p99", "p999"]))
        for mark in ["p50", "p99", "p999"]:
            ratio = statistics.median(row["reactor"][mark] / row["netty"][mark] for row in table)
            noise = sorted(row["reactor"][mark] / row["reactor again"][mark] for row in table)
            print(f"  reactor against netty, {mark}: {ratio:.2f}; against itself {noise[0]:.2f} to {noise[-1]:.2f}, median {statistics.median(noise):.2f}")


main()
