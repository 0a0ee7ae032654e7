#!/usr/bin/env python3
"""CPU for a request, each server beside the others, on one core, with the load on another.

    mvn -q -Pbench test-compile package -DskipTests      (once)
    src/bench/shell/floor.py [--pairs 10] [--seconds 2] [--java HOME] [--only NAME] [--of reactor --against c-epoll,bare,netty,netty-epoll]

What is printed are medians of ratios within a round, and beside them the range of the server against a second one of its own kind: what
is inside that range is noise. User time is told by the kernel in steps of 10 ms.
"""
import shutil, statistics, subprocess
import servers
from servers import ROOT, Workshop, rounds

WORKS = {
    "50 connections, 64 B": ["-c", "50", "-s", "64"],
    "50 connections, 64 B, 16 in flight": ["-c", "50", "-s", "64", "-P", "16"],
    "1,000 connections, 64 B": ["-c", "1000", "-s", "64"],
    "10,000 connections, 64 B": ["-c", "9900", "-s", "64"],
    "8 connections, 64 KiB": ["-c", "8", "-s", "64k"],
}


def main():
    options = servers.options(pairs=10, seconds=2.0, only="", of="reactor", against="c-epoll,bare,netty,netty-epoll")
    with Workshop(options.java) as workshop:
        for name in [options.of, options.of + " again", *options.against.split(",")]:
            if name != "c-epoll":
                workshop.contender(name)
            elif shutil.which("cc"):
                binary = str(workshop.folder / "echo")
                subprocess.run(["cc", "-O2", "-o", binary, str(ROOT / "src/bench/c/echo.c")], check=True)
                workshop.start(name, [binary])
            else:
                print("no C compiler: c-epoll is left out")

        for title, load in WORKS.items():
            if options.only in title:
                def measure(server):
                    """Microseconds for a request: all, and user time, whose share is that of the warm-up and the measured time."""
                    before = server.ticks()
                    result = workshop.load(server, *load, "-d", f"{int(options.seconds * 1e3)}ms", "-w", f"{int(min(1, options.seconds) * 1e3)}ms")
                    user, system = (b - a for a, b in zip(before, server.ticks()))
                    total = max(1e7, result["usage"]["serverNs"]) / 1e3 / result["answered"]  # one tick at least
                    return total, total * user / max(1, user + system)

                report(title, options.of, rounds(options.pairs, workshop.servers, measure))


def report(title, subject, table):
    def median(of):
        return statistics.median(of(row) for row in table)

    noise = sorted(row[subject][0] / row[subject + " again"][0] for row in table)
    print(f"\n{title}: {subject} {median(lambda row: row[subject][0]):.2f} us a request, "
          f"{median(lambda row: row[subject][1]):.2f} of them user; against itself {noise[0]:.2f} to {noise[-1]:.2f}")
    for name in table[0]:
        if name not in (subject, subject + " again"):
            total = median(lambda row: row[subject][0] / row[name][0])
            user = median(lambda row: row[subject][1] / max(row[name][1], 1e-9))
            print(f"  against {name:12} total {total:.2f}, user {user:.2f}", flush=True)


main()
