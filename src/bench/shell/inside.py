#!/usr/bin/env python3
"""Nanoseconds of our own code for an event, the kernel taken out: every case in a JVM of its own, and where the time of an echo goes.

    src/bench/shell/inside.py [--java HOME] [--quick]
    src/bench/shell/inside.py --against REVISION [--rounds 12] [--java HOME]

The second form divides the time of the working tree by that of another commit. Both are measured right after each other, in an order that
changes from round to round; printed are the medians of the ratios, each with its interval. Twelve rounds take about eleven minutes. The noise
of the machine is what --against HEAD prints for a working tree without changes.
"""
import random, shutil, statistics, subprocess, sys
import servers
from servers import JVM, ROOT, Workshop, median

CONNECTIONS = [1, 2, 50, 1_000, 10_000]
SIZES = [64, 1_024, 4_096]
PARTS = {
    "channels": "channels and selector alone",
    "loop": "and the reactor: turn, dispatch, clock, counters",
    "discard": "and a server's connection: read, handler, limits, deadlines, interest",
    "echo": "and its queue: write, chunk, flush, marks",
}


class Tree:
    """The sources of a commit, or of the working tree, with their own InsideBench: packages have moved from commit to commit."""

    def __init__(self, workshop, revision=None):
        folder = workshop.folder / (revision or "working tree").replace("/", "-")
        sources = [folder / "src/main/java", folder / "src/bench/java"]
        if revision:
            folder.mkdir()
            archive = subprocess.run(["git", "archive", revision, *(str(source.relative_to(folder)) for source in sources)],
                                     cwd=ROOT, check=True, stdout=subprocess.PIPE)
            subprocess.run(["tar", "-x", "-C", str(folder)], check=True, input=archive.stdout)
        else:
            for source in sources:
                shutil.copytree(ROOT / source.relative_to(folder), source)
        for module in folder.rglob("module-info.java"):
            module.unlink()  # a module would not see the class path
        bench, = folder.rglob("InsideBench.java")
        subprocess.run(["javac", "--release", "17", "-nowarn", "-proc:none", "-cp", workshop.dependencies, "-d", str(folder / "classes"),
                        "-sourcepath", ":".join(map(str, sources)), *map(str, bench.parent.glob("*.java"))], check=True)
        package = ".".join(bench.parent.relative_to(sources[1]).parts)
        self.command = [workshop.java, *JVM, f"-Djava.nio.channels.spi.SelectorProvider={package}.InstantNetwork",
                        "-Dslf4j.provider=org.slf4j.helpers.NOP_FallbackServiceProvider", "-Dslf4j.internal.verbosity=WARN",
                        "-cp", f"{folder}/classes:{workshop.dependencies}", package + ".InsideBench"]

    def measure(self, case, connections, size, depth, millis):
        """The median of some rounds of so many milliseconds, the least and the most."""
        command = [*self.command, case, str(connections), str(size), str(depth), str(millis)]
        return [float(word) for word in subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()]


def main():
    options = servers.options(quick=False, against="", rounds=12)  # --quick: whether it starts; the figures mean nothing
    with Workshop(options.java) as workshop:
        tree = Tree(workshop)
        if options.against:
            compare(tree, Tree(workshop, options.against), options.against, options.rounds, 20 if options.quick else 180)
        else:
            show(tree, options.quick)


def show(tree, quick):
    millis = 20 if quick else 500
    print("an echo of 64 bytes, by parts: nanoseconds, each with all before it")
    for case, meaning in PARTS.items():
        figures = [tree.measure(case, connections, 64, 1, millis)[0] for connections in CONNECTIONS]
        print(f"  {meaning:72}" + "".join(f"{f:8.1f}" for f in figures), flush=True)
    if quick:
        return
    print("an echo: nanoseconds for an event, median and range; for a request")
    for connections in CONNECTIONS:
        for size in SIZES:
            for depth in [1, 16]:
                typical, least, most = tree.measure("echo", connections, size, depth, millis)
                print(f"  {connections:6,} connections {size:5} B {depth:3} at a time {typical:7.1f} ({least:.1f} to {most:.1f}) {typical / depth:7.1f}",
                      flush=True)


def compare(tree, other, revision, rounds, millis):
    cells = [(connections, size) for connections in CONNECTIONS if connections >= 50 for size in SIZES]
    table = {cell: [] for cell in cells}
    for i in range(rounds):
        for cell in cells:
            pair = random.Random(f"{i} {cell}").sample([tree, other], 2)
            figures = {each: each.measure("echo", *cell, 1, millis)[0] for each in pair}
            table[cell].append((figures[tree], figures[other]))
        print(f"round {i + 1} of {rounds}", file=sys.stderr, flush=True)
    print(f"an echo, the working tree against {revision}: nanoseconds for an event, and their ratio")
    for (connections, size), pairs in table.items():
        own, others = (statistics.median(pair[i] for pair in pairs) for i in range(2))
        print(f"  {connections:6,} connections {size:5} B {own:7.1f} against {others:7.1f}   ratio {median(a / b for a, b in pairs)}")
    print(f"  the largest median: {max(statistics.median(a / b for a, b in pairs) for pairs in table.values()):.2f}")


main()
