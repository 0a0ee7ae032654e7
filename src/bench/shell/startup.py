#!/usr/bin/env python3
"""Milliseconds from the start of a process until it is ready, by the code that it loads; medians, in turns, on all cores.

    mvn -q -Pbench test-compile package -DskipTests      (once)
    src/bench/shell/startup.py [--rounds 15] [--java HOME]
"""
import os, statistics, subprocess, time
import servers
from servers import ROOT, Workshop

BARE = "public class Bare { public static void main(String[] a) { System.out.println(\"ready\"); } }"


def main():
    options = servers.options(rounds=15)
    program = str(ROOT / "target/sluice")
    with Workshop(options.java) as workshop:
        java = workshop.java
        (workshop.folder / "Bare.java").write_text(BARE)
        subprocess.run([java + "c", "-d", str(workshop.folder), str(workshop.folder / "Bare.java")], check=True)
        cases = {
            "a bare main": [java, "-cp", str(workshop.folder), "Bare"],
            "an echo on the library, no command line, no logger": [java, "-Dslf4j.provider=org.slf4j.helpers.NOP_FallbackServiceProvider", "-cp", program,
                                                                   "dev.sluice.program.bench.ServerProcess", "reactor"],
            "the command line: sluice --version": [program, "--version"],
            "sluice serve": [program, "serve", "-p", "0"],
            "sluice serve, without the JDK's class archive": ["env", "SLUICE_JAVA_OPTS=-Xshare:off", program, "serve", "-p", "0"],
        }

        def ready(name, command):
            start = time.monotonic()
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                       env={**os.environ, **workshop.env})
            for line in process.stdout:
                if line.lower().startswith(("ready", "sluice 0")):
                    break
            else:
                raise SystemExit(f"{name}: did not start")
            millis = (time.monotonic() - start) * 1e3
            process.kill()
            process.wait()
            return millis

        table = [{name: ready(name, command) for name, command in cases.items()} for _ in range(options.rounds + 1)][1:]
        for name in cases:
            times = sorted(row[name] for row in table)
            print(f"  {name:52} {statistics.median(times):5.0f} ({times[0]:.0f} to {times[-1]:.0f})")


main()
