#!/usr/bin/env python3
"""The gain and the cost of --spin: the program with it and without, side by side, in a closed loop and at a slow, steady rate.

    src/bench/shell/spin.py [--rounds 7] [--spin 50us] [--java HOME]      needs target/sluice
"""
import statistics
import servers
from servers import ROOT, Workshop, rounds


def main():
    options = servers.options(rounds=7, spin="50us")
    with Workshop(options.java) as workshop:
        serve = [str(ROOT / "target/sluice"), "serve", "echo", "-p", "0", "-q"]
        three = [workshop.start("blocks", serve), workshop.start("blocks again", serve),
                 workshop.start("spins " + options.spin, [*serve, "--spin", options.spin])]
        for kind, connections, rate in [("closed loop", n, 0) for n in (1, 10, 50)] + [("1,000 requests a second", n, 1_000) for n in (1, 10, 50)]:
            def measure(server):
                result = workshop.load(server, "-c", str(connections), "-s", "64", "-d", "2s", "-w", "500ms", "-R", str(rate))
                return {
                    "p50 us": result["latency"]["p50"] / 1e3,
                    "p99 us": result["latency"]["p99"] / 1e3,
                    "requests/s": result["answered"] / result["seconds"],
                    "server CPU, share of a core": result["usage"]["serverNs"] / 1e9 / result["seconds"],
                }

            table = rounds(options.rounds, three, measure)
            print(f"\n{connections} connections, {kind}, medians of {options.rounds}")
            for name in table[0]:
                print(f"  {name:14}" + "".join(f"  {what} {statistics.median(row[name][what] for row in table):,.2f}" for what in table[0][name]), flush=True)


main()
