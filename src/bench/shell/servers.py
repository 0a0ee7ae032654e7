"""What the measurements have in common: servers in processes of their own on one core, load on another, CPU as the kernel tells it."""
import functools, json, os, pathlib, re, shutil, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
JVM = ["-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UseDynamicNumberOfCompilerThreads", "-Djdk.nio.maxCachedBufferSize=262144"]
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = str(CORES[0]), str(CORES[-1])


def java(home):
    return f"{home}/bin/java" if home else "java"


@functools.cache
def class_path(work):
    """After mvn -Pbench test-compile package -DskipTests."""
    file = work / "classpath"
    subprocess.run(["mvn", "-q", "-Pbench", "dependency:build-classpath", "-DincludeScope=test", f"-Dmdep.outputFile={file}"],
                   cwd=ROOT, check=True)
    return f"{ROOT}/target/test-classes:{ROOT}/target/classes:{file.read_text().strip()}"


class Workshop:
    """A folder for a while, and the servers that run meanwhile."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.servers = []
        return self

    def __exit__(self, *what):
        for server in self.servers:
            server.end()
        shutil.rmtree(self.folder)

    def start(self, name, command, env=None):
        self.servers.append(Server(name, command, env))
        return self.servers[-1]

    def contender(self, name, home):
        """One that `sluice bench` knows, with an echo; its name may have a second word, to tell it from another of its kind."""
        return self.start(name, [java(home), *JVM, "-cp", class_path(self.folder), "dev.sluice.bench.ServerProcess", name.split()[0]])

    def load(self, server, *options):
        file = self.folder / "load.json"
        subprocess.run(["taskset", "-c", LOAD_CORE, str(ROOT / "target/sluice"), "load", server.port, *options,
                        "--server-pid", str(server.process.pid), "--json", str(file)], check=True, stdout=subprocess.DEVNULL)
        result = json.loads(file.read_text())
        if result["errors"] or not result["answered"]:
            sys.exit(f"{server.name}: {result['answered']} answers, {result['errors']}")
        return result


class Server:
    def __init__(self, name, command, env=None):
        self.name = name
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        for line in self.process.stdout:
            if line.startswith("CANNOT"):
                sys.exit(f"{name}: {line.strip()}")
            ready = re.match(r"READY (\d+)|ready: .*?:(\d+),", line)
            if ready:
                self.port = ready[1] or ready[2]
                return
        sys.exit(f"{name} did not start")

    def ticks(self):
        """User and system time, in steps of 10 ms."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat[stat.rindex(")") + 2:].split()
        return int(fields[11]), int(fields[12])

    def cpu_ns(self):
        """Of the threads that it has now, exactly."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks)

    def end(self):
        self.process.kill()
        self.process.wait()


def rounds(count, servers, measure):
    """A table of what each server measures, in turns whose order moves on; the first round warms up, and is left out."""
    table = []
    for i in range(count + 1):
        turn = servers[i % len(servers):] + servers[:i % len(servers)]
        table.append({server.name: measure(server) for server in turn})
    return table[1:]
