"""What the measurements have in common: servers in processes of their own on one core, load on another, CPU as the kernel tells it."""
import argparse, functools, json, os, pathlib, re, shutil, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
JVM = ["-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UseDynamicNumberOfCompilerThreads", "-Djdk.nio.maxCachedBufferSize=262144"]
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = str(CORES[0]), str(CORES[-1])


def options(**defaults):
    """--java, and an option for each default, of its type; False is a switch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--java", default=os.environ.get("JAVA_HOME"), metavar="HOME")
    for name, default in defaults.items():
        parser.add_argument("--" + name, **({"action": "store_true"} if default is False else {"type": type(default), "default": default}))
    return parser.parse_args()


class Workshop:
    """A folder for a while, a JVM to choose, and the servers that run meanwhile."""

    def __init__(self, java_home):
        self.java = f"{java_home}/bin/java" if java_home else "java"
        self.env = {"JAVA_HOME": java_home} if java_home else {}

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.servers = []
        return self

    def __exit__(self, *what):
        for server in self.servers:
            server.end()
        shutil.rmtree(self.folder)

    @functools.cached_property
    def class_path(self):
        """After mvn -Pbench test-compile package -DskipTests."""
        file = self.folder / "classpath"
        subprocess.run(["mvn", "-q", "-Pbench", "dependency:build-classpath", "-DincludeScope=test", f"-Dmdep.outputFile={file}"],
                       cwd=ROOT, check=True)
        return f"{ROOT}/target/test-classes:{ROOT}/target/classes:{file.read_text().strip()}"

    def jvm(self, main, *arguments, flags=()):
        """The command that runs a class of the benchmarks."""
        return [self.java, *JVM, *flags, "-cp", self.class_path, "dev.sluice.bench." + main, *arguments]

    def start(self, name, command):
        self.servers.append(Server(name, command, self.env))
        return self.servers[-1]

    def contender(self, name):
        """One that `sluice bench` knows, with an echo; its name may have a second word, to tell it from another of its kind."""
        return self.start(name, self.jvm("ServerProcess", name.split()[0]))

    def load(self, server, *options):
        file = self.folder / "load.json"
        subprocess.run(["taskset", "-c", LOAD_CORE, str(ROOT / "target/sluice"), "load", server.port, *options,
                        "--server-pid", str(server.process.pid), "--json", str(file)], check=True, stdout=subprocess.DEVNULL)
        result = json.loads(file.read_text())
        if result["errors"] or not result["answered"]:
            sys.exit(f"{server.name}: {result['answered']} answers, {result['errors']}")
        return result


class Server:
    def __init__(self, name, command, env):
        self.name = name
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.STDOUT, env={**os.environ, **env})
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
