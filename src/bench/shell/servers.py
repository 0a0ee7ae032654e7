"""Common parts of the measurements: servers in processes of their own on one core, the load on another, CPU as the kernel tells it."""
import argparse, functools, json, math, os, pathlib, random, re, resource, shutil, socket, statistics, subprocess, sys, tempfile, threading, time

ROOT = pathlib.Path(__file__).resolve().parents[3]
JVM = ["-Xms512m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UseDynamicNumberOfCompilerThreads", "-Djdk.nio.maxCachedBufferSize=262144"]
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = str(CORES[0]), str(CORES[-1])
DESCRIPTORS = 10_100

if len(CORES) < 2:
    sys.exit("a server and its load need a core each")
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
    sys.exit(f"9,900 connections need {DESCRIPTORS:,} descriptors, and {hard:,} is the limit (ulimit -Hn)")
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # Java raises its own, Python and C do not


def options(**defaults):
    """--java, and an option for each default, of its type; False is a switch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--java", default=os.environ.get("JAVA_HOME"), metavar="HOME")
    for name, default in defaults.items():
        parser.add_argument("--" + name, **({"action": "store_true"} if default is False else {"type": type(default), "default": default}))
    return parser.parse_args()


class Workshop:
    """A temporary folder, a JVM, and the servers that run until the end."""

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
    def dependencies(self):
        """The class path of the libraries."""
        file = self.folder / "classpath"
        subprocess.run(["mvn", "-q", "-Pbench", "dependency:build-classpath", "-DincludeScope=test", f"-Dmdep.outputFile={file}"],
                       cwd=ROOT, check=True)
        return file.read_text().strip()

    def jvm(self, main, *arguments):
        """The command that runs a class of the benchmarks, after mvn -Pbench test-compile package -DskipTests."""
        return [self.java, *JVM, "-cp", f"{ROOT}/target/test-classes:{ROOT}/target/classes:{self.dependencies}",
                "dev.sluice.program.bench." + main, *arguments]

    def start(self, name, command, port=None):
        """Returns a server that has printed its port, or that listens at the one that is known."""
        self.servers.append(Server(name, command, self.env, port))
        return self.servers[-1]

    def contender(self, name):
        """An echo that `sluice bench` knows; its name may have a second word, which tells it from another of its kind."""
        return self.start(name, self.jvm("ServerProcess", name.split()[0]))

    def load(self, server, *options):
        file = self.folder / "load.json"
        subprocess.run(["taskset", "-c", LOAD_CORE, str(ROOT / "target/sluice"), "load", server.port, *options,
                        "--server-pid", str(server.process.pid), "--json", str(file)], check=True, stdout=subprocess.DEVNULL)
        result = json.loads(file.read_text())
        if result["errors"] or not result["answered"] or min(result["usage"]["serverNs"], result["usage"]["serverUserNs"]) < 0:
            sys.exit(f"{server.name}: {result['answered']} answers, {result['errors']}, {result['usage']}")
        return result


class Server:
    def __init__(self, name, command, env, port):
        self.name = name
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.STDOUT, env={**os.environ, **env})
        if port:
            self.port = str(port)
            self.await_port()
            return
        said = []
        for line in self.process.stdout:
            said.append(line)
            ready = re.match(r"READY (\d+)|ready: .*?:(\d+),", line)
            if ready:
                self.port = ready[1] or ready[2]
                threading.Thread(target=self.process.stdout.read, daemon=True).start()  # a full pipe would stop it
                return
        sys.exit(f"{name} did not start: {''.join(said)}")

    def await_port(self):
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(self.port))) == 0:
                    return
            time.sleep(0.1)
        sys.exit(f"{self.name} did not start")

    def cpu_ns(self):
        """The CPU time of the threads that it has now, exactly."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks)

    def end(self):
        self.process.kill()
        self.process.wait()


def median(values):
    """The median as text, and from six values on its interval: a pair of values that has the true median of these processes between them
    with at least 95 in 100, whatever the distribution, if rounds are independent. Another start of the same servers may differ by more."""
    values = sorted(values)
    outside = -1  # number of values that can be left out at each end
    while sum(math.comb(len(values), i) for i in range(outside + 2)) <= 0.025 * 2 ** len(values):
        outside += 1
    interval = f" ({values[outside]:.2f} to {values[-1 - outside]:.2f})" if outside >= 0 else ""
    return f"{statistics.median(values):.2f}{interval}"


def rounds(count, servers, measure):
    """A table of the figures of each server. They take turns in an order that changes; the first round warms up and is left out."""
    table = []
    for i in range(count + 1):
        row = {server.name: measure(server) for server in random.Random(i).sample(servers, len(servers))}
        table.append({server.name: row[server.name] for server in servers})
    return table[1:]
