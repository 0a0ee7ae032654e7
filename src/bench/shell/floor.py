#!/usr/bin/env python3
"""CPU for a request, each server beside the others: C epoll, bare java.nio, the reactor, Netty. Servers on one core, load on another.

    mvn -q -Pbench test-compile package -DskipTests      (once)
    src/bench/shell/floor.py [--pairs 10] [--seconds 2] [--java HOME] [--only NAME]

Servers take turns within a round, in an order that moves on; what is printed are medians of ratios within a round, and beside them the
range of the reactor against a second reactor: what is inside that range is noise. User time is told by the kernel in steps of 10 ms.
"""
import argparse, json, os, pathlib, shutil, statistics, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
WORKS = {
    "50 connections, 64 B": ["-c", "50", "-s", "64"],
    "50 connections, 64 B, 16 in flight": ["-c", "50", "-s", "64", "-P", "16"],
    "1,000 connections, 64 B": ["-c", "1000", "-s", "64"],
    "10,000 connections, 64 B": ["-c", "9900", "-s", "64"],
    "8 connections, 64 KiB": ["-c", "8", "-s", "64k"],
}
ENGINES = ["reactor", "reactor again", "bare", "netty", "netty-epoll"]


def class_path(work):
    file = work / "classpath"
    subprocess.run(["mvn", "-q", "-o", "-Pbench", "dependency:build-classpath", "-DincludeScope=test", f"-Dmdep.outputFile={file}"],
                   cwd=ROOT, check=True)
    return f"{ROOT}/target/test-classes:{ROOT}/target/classes:{file.read_text().strip()}"


class Server:
    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(["taskset", "-c", "0"] + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.DEVNULL)
        said = self.process.stdout.readline().split()
        if said[:1] == ["CANNOT"] or not said:
            sys.exit(f"{name}: {' '.join(said)}")
        self.port = said[-1]

    def ticks(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat[stat.rindex(")") + 2:].split()
        return int(fields[11]), int(fields[12])

    def measure(self, load, seconds, work):
        """Microseconds for a request: all, and user time, whose share is that of the whole run."""
        before = self.ticks()
        file = work / "load.json"
        subprocess.run(["taskset", "-c", "1", str(ROOT / "target/sluice"), "load", self.port, *load, "-d", f"{int(seconds * 1000)}ms", "-w", "1s",
                        "--server-pid", str(self.process.pid), "--json", str(file)], check=True, stdout=subprocess.DEVNULL)
        user, system = (b - a for a, b in zip(before, self.ticks()))
        result = json.loads(file.read_text())
        if result["errors"]:
            sys.exit(f"{self.name}: {result['errors']}")
        total = result["usage"]["serverNs"] / 1e3 / result["answered"]
        return total, total * user / max(1, user + system)

    def end(self):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--pairs", type=int, default=10)
    options.add_argument("--seconds", type=float, default=2)
    options.add_argument("--java", default=os.environ.get("JAVA_HOME"))
    options.add_argument("--only", default="")
    options = options.parse_args()
    java = f"{options.java}/bin/java" if options.java else "java"
    work = pathlib.Path(tempfile.mkdtemp())
    servers = []
    try:
        path = class_path(work)
        compiler = shutil.which("cc")
        if compiler:
            subprocess.run([compiler, "-O2", "-o", str(work / "echo"), str(ROOT / "src/bench/c/echo.c")], check=True)
            servers.append(Server("c-epoll", [str(work / "echo")]))
        else:
            print("no C compiler: c-epoll is left out")
        for name in ENGINES:
            servers.append(Server(name, [java, "-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-cp", path,
                                         "dev.sluice.bench.ServerProcess", name.split()[0]]))
        for title, load in WORKS.items():
            if options.only not in title:
                continue
            rounds = []
            for i in range(options.pairs + 1):
                turn = servers[i % len(servers):] + servers[:i % len(servers)]
                rounds.append({server.name: server.measure(load, options.seconds, work) for server in turn})
            rounds = rounds[1:]  # the first warmed them up
            noise = [r["reactor again"][0] / r["reactor"][0] for r in rounds]
            print(f"\n{title}: reactor {statistics.median(r['reactor'][0] for r in rounds):.2f} us a request, "
                  f"{statistics.median(r['reactor'][1] for r in rounds):.2f} of them user; noise {min(noise):.2f} to {max(noise):.2f}")
            for server in servers:
                if not server.name.startswith("reactor"):
                    total = statistics.median(r["reactor"][0] / r[server.name][0] for r in rounds)
                    user = statistics.median(r["reactor"][1] / max(r[server.name][1], 1e-9) for r in rounds)
                    print(f"  reactor against {server.name:12} total {total:.2f}, user {user:.2f}")
    finally:
        for server in servers:
            server.end()
        shutil.rmtree(work)


main()
