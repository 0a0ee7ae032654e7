#!/usr/bin/env python3
"""CPU for a request, each server beside the others, on one core, with the load on another.

    mvn -q -Pbench test-compile package -DskipTests      (once)
    src/bench/shell/floor.py [--rounds 10] [--seconds 2] [--java HOME] [--only NAME] [--of reactor --against c-epoll,bare,netty,netty-epoll]

It prints medians of ratios within a round, each with its interval. The first are those of the server against a second one of its own kind:
the noise. The kernel divides the time of a process into user and system time by looking once a tick (4 ms with HZ=250), and reports it in
steps of 10 ms: user time needs more seconds than the total, and less than a step is printed as one.
"""
import shutil, statistics, subprocess, sys
import servers
from servers import ROOT, Workshop, median, rounds

STEP = 1e7
WORKS = {
    "50 connections, 64 B": ["-c", "50", "-s", "64"],
    "50 connections, 64 B, 16 in flight": ["-c", "50", "-s", "64", "-P", "16"],
    "1,000 connections, 64 B": ["-c", "1000", "-s", "64"],
    "9,900 connections, 64 B": ["-c", "9900", "-s", "64"],
    "8 connections, 64 KiB": ["-c", "8", "-s", "64k"],
}


def main():
    options = servers.options(rounds=10, seconds=2.0, only="", of="reactor", against="c-epoll,bare,netty,netty-epoll")
    if not any(options.only in title for title in WORKS):
        sys.exit(f"--only {options.only}: there are {'; '.join(WORKS)}")
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
                    """Microseconds for a request: all, and user time."""
                    result = workshop.load(server, *load, "-d", f"{int(options.seconds * 1e3)}ms", "-w", f"{int(min(1, options.seconds) * 1e3)}ms")
                    return [max(STEP, result["usage"][time]) / 1e3 / result["answered"] for time in ["serverNs", "serverUserNs"]]

                report(title, options.of, rounds(options.rounds, workshop.servers, measure))


def report(title, subject, table):
    total, user = (statistics.median(row[subject][i] for row in table) for i in range(2))
    print(f"\n{title}: {subject} {total:.2f} us a request, {user:.2f} of them user")
    for name in table[0]:
        if name != subject:
            total, user = (median(row[subject][i] / row[name][i] for row in table) for i in range(2))
            print(f"  against {name:14} total {total}   user {user}", flush=True)


main()
