package dev.sluice.program;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Faults that only root can inject, with tools that a machine may lack: network namespaces, {@code tc}, {@code ss -K}, TCP_REPAIR.
 * Where something is missing the test is skipped, says which and why, and has not passed.
 */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class PrivilegedFaultsIT {

    @TempDir
    private Path directory;

    /** Runs a script; its exit status. What it says goes to a file. */
    private int bash(String script, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("bash", "-c", script, "bash"));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("said").toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        assertTrue(process.waitFor(100, TimeUnit.SECONDS), "still running: " + script);
        return process.exitValue();
    }

    private String said() throws IOException {
        return Files.readString(directory.resolve("said"));
    }

    /** Goes on only if a probe succeeds: else this fault cannot be injected here, and nothing is said of it. */
    private void needs(String what, String probe) throws Exception {
        boolean there = bash(probe) == 0;
        if (!there) {
            System.out.println("PrivilegedFaultsIT NOT RUN, as this machine lacks " + what);
        }
        assumeTrue(there, "not run: needs " + what);
    }

    private static final String NETWORK = "a network namespace with tc's tbf and blackhole";
    private static final String HAS_NETWORK = "unshare -n bash -c 'ip link set lo up && tc qdisc add dev lo root tbf rate 8mbit"
            + " burst 64kb latency 400ms && tc qdisc replace dev lo root blackhole'";

    /** Serves echo in a namespace of its own, where $S is its process, and then does what the rest of the script says. */
    private static String inNamespace(String rest) {
        return "unshare -n bash -c '"
                + "set -e; program=$1; dir=$2; ip link set lo up; ip link set lo mtu 1500;"
                + "$program serve echo -q -p 7007 --port-file $dir/port 2>$dir/err & S=$!;"
                + "for i in $(seq 300); do [ -s $dir/port ] && break; sleep 0.1; done;"
                + "head -c 3000000 /dev/urandom > $dir/a;"
                + rest
                + "cmp $dir/a $dir/b; kill $S; wait $S; grep \"drained: .* 0 cut, 0 bytes lost\" $dir/err' bash \"$@\"";
    }

    @Test
    void slowLineDeliversAllAfterTheHalfClose() throws Exception {
        needs(NETWORK, HAS_NETWORK);
        int status = bash(
                inNamespace("tc qdisc add dev lo root tbf rate 16mbit burst 64kb latency 400ms;"
                        + "timeout 60 $program client 7007 < $dir/a > $dir/b;"),
                Served.PROGRAM, directory.toString());
        assertEquals(0, status, said());
    }

    @Test
    void partitionOfTwoSecondsLosesNothing() throws Exception {
        needs(NETWORK, HAS_NETWORK);
        int status = bash(
                inNamespace("tc qdisc add dev lo root tbf rate 8mbit burst 64kb latency 400ms;"
                        + "timeout 60 $program client 7007 < $dir/a > $dir/b & C=$!; sleep 1;"
                        + "tc qdisc replace dev lo root blackhole; sleep 2;"
                        + "tc qdisc replace dev lo root tbf rate 100mbit burst 64kb latency 400ms; wait $C;"),
                Served.PROGRAM, directory.toString());
        assertEquals(0, status, said());
    }

    /** A socket that does not block answers to an empty datagram alike whether it took it or was full. */
    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void datagramsThatASlowLineHasNoRoomForAreNotCountedAsSent(String engine) throws Exception {
        needs(NETWORK + ", and python3", HAS_NETWORK + " && python3 --version");
        int status = bash("""
                unshare -n bash -c '
                set -e; program=$1; dir=$2; ip link set lo up
                $program serve echo --udp -e $3 --send-buffer 1k -p 7007 --port-file $dir/port 2>$dir/err & S=$!
                for i in $(seq 300); do [ -s $dir/port ] && break; sleep 0.1; done
                tc qdisc add dev lo root tbf rate 1mbit burst 1600 limit 10mb
                python3 - > $dir/came <<END
                import socket
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.settimeout(3)
                s.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)  # SO_RCVBUFFORCE: what is lost is not lost here
                for i in range(300):
                    s.sendto(b"" if i % 3 else b"x" * 20, ("127.0.0.1", 7007))
                came = 0
                try:
                    while True:
                        s.recv(100)
                        came += 1
                except TimeoutError:
                    print(came)
                END
                kill $S; wait $S' bash "$@"
                """, Served.PROGRAM, directory.toString(), engine);
        assertEquals(0, status, said());
        String end = Files.readString(directory.resolve("err")).lines().reduce("", (one, next) -> next);
        String came = Files.readString(directory.resolve("came")).strip();
        assertTrue(end.contains(" truncated, " + came + " sent, "), came + " came back; " + end);
    }

    /** Two machines: a peer with the same port number is served, what pretends to come from the server itself is not. */
    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void forgedDatagramDoesNotMakeAServerAnswerItself(String engine) throws Exception {
        needs("two network namespaces, and python3", "unshare -n ip link add here0 type veth peer name there0 && python3 --version");
        int status = bash("""
                unshare -n bash -c '
                set -e; program=$1; dir=$2
                ip link set lo up; ip link add here0 type veth peer name there0
                unshare -n sleep 100 & N=$!; trap "kill $N" EXIT
                until [ "$(readlink /proc/$N/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
                ip link set there0 netns $N; ip addr add 10.9.0.1/24 dev here0; ip link set here0 up
                nsenter -t $N -n bash -c "ip addr add 10.9.0.2/24 dev there0; ip link set there0 up"
                $program serve echo --udp -e $3 -b 0.0.0.0 -p 7007 --port-file $dir/port 2>$dir/err & S=$!
                for i in $(seq 300); do [ -s $dir/port ] && break; sleep 0.1; done
                ask() {
                nsenter -t $N -n python3 - <<END
                import socket
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.bind(("10.9.0.2", 7007)); s.settimeout(10)
                s.sendto(b"x", ("10.9.0.1", 7007)); s.recv(10)
                END
                }
                ask
                python3 - <<END
                import socket, struct
                s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
                s.sendto(struct.pack("!HHHH", 7007, 7007, 9, 0) + b"x", ("10.9.0.1", 0))
                END
                ask; kill $S; wait $S' bash "$@"
                """, Served.PROGRAM, directory.toString(), engine);
        assertEquals(0, status, said());
        String said = Files.readString(directory.resolve("err"));
        assertTrue(said.contains("books: 3 received = 2 handled + 0 truncated + 1 from itself + 0 failed; 2 offered = 2 sent "), said);
    }

    @Test
    void connectionsKilledUnderLoadAreTheOnlyOnesLost() throws Exception {
        needs("ss -K", "ss --help | grep -q -- --kill && [ $(id -u) = 0 ]");
        try (Served server = new Served("", "echo")) {
            List<Socket> clients = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                clients.add(server.connect());
                clients.get(i).getOutputStream().write(i);
                assertEquals(i, clients.get(i).getInputStream().read());
            }
            for (Socket victim : clients.subList(0, 25)) {
                assertEquals(0, bash("ss -K sport = :$1 dport = :$2", Integer.toString(server.port), Integer.toString(victim.getLocalPort())));
            }
            assumeTrue(isReset(clients.get(0)), "not run: this kernel does not destroy sockets");
            for (Socket survivor : clients.subList(25, 50)) {
                survivor.getOutputStream().write('s');
                assertEquals('s', survivor.getInputStream().read());
                survivor.close();
            }
            assertEquals(0, server.terminate(), server.stderr());
            assertTrue(server.stderr().contains("books: 50 opened = 50 closed + 0 open; "), server.stderr());
        }
    }

    private static boolean isReset(Socket client) {
        try {
            client.setSoTimeout(2_000);
            return client.getInputStream().read() < 0;
        } catch (java.net.SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    /** The kernel keeps a signal from process 1 that it does nothing about, and its default is to do nothing. */
    @ParameterizedTest
    @ValueSource(strings = {"TERM", "INT", "HUP"})
    void asProcess1ASignalDrainsAndASecondEndsAtOnce(String name) throws Exception {
        needs("PID namespaces", "unshare --pid --fork --mount-proc true");
        try (Served server = Served.asProcess1("echo", "--drain-timeout", "1h", "--linger-timeout", "1h")) {
            signal(name, server);
            assertTrue(server.process.waitFor(30, TimeUnit.SECONDS));
            assertEquals(0, server.process.exitValue(), server.stderr());
            assertTrue(server.stderr().contains(", process 1\n"), server.stderr());
            assertEquals("drained: 0 connections, 0 flushed, 0 cut, 0 bytes lost", server.lastLine());
        }
        try (Served server = Served.asProcess1("echo", "--drain-timeout", "1h", "--linger-timeout", "1h");
                Socket client = server.connect()) {
            client.getOutputStream().write('x');
            assertEquals('x', client.getInputStream().read());
            signal(name, server);
            Awaitility.await().until(() -> server.stderr().contains("stopping"));
            signal("TERM", server);
            assertTrue(server.process.waitFor(30, TimeUnit.SECONDS));
            assertEquals(143, server.process.exitValue(), server.stderr());
        }
    }

    private void signal(String name, Served process1) throws Exception {
        long pid = process1.process.children().findFirst().orElseThrow().pid();
        assertEquals(0, bash("kill -$1 $2", name, Long.toString(pid)), said());
    }

    /** As containers often have it: a limit that nobody chose. */
    @Test
    void limitOfAThousandMillionDescriptorsIsNoBadDefault() throws Exception {
        String pretend = "sed \"s/^Max open files.*/Max open files 1073741816 1073741816 files/\" /proc/self/limits > $dir/limits;"
                + "mount --bind $dir/limits /proc/$$/limits;";
        needs("a mount namespace", "dir=$(mktemp -d); export dir; unshare -m bash -c '" + pretend.replace(";", " &&") + " true'; r=$?; rm -r $dir; exit $r");
        int status = bash(
                "export program=$1 dir=$2; unshare -m bash -c '" + pretend
                        + "exec $program serve -p 0 --port-file $dir/port' 2>$dir/err & S=$!;"
                        + "for i in $(seq 300); do [ -s $dir/port ] && break; kill -0 $S || break; sleep 0.1; done; kill $S; wait $S",
                Served.PROGRAM, directory.toString());
        String said = Files.readString(directory.resolve("err"));
        assertTrue(said.contains(", 1 loop, at most ") && !said.contains("at most 1073741"), said); // what memory has room for, or ten million
        assertEquals(0, status, said);
    }

    @Test
    void peersThatVanishSilentlyAreReapedByTheIdleLimit() throws Exception {
        needs("python3 and TCP_REPAIR", "python3 -c 'import socket; socket.socket().setsockopt(6, 19, 1)'");
        try (Served server = new Served("", "echo", "--idle-timeout", "1s")) {
            assertEquals(0, bash("""
                    python3 - $1 <<'END'
                    import socket, sys
                    all = []
                    for i in range(500):  # each talks at once: on a busy machine the first may be idle before the last has come
                        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                        s.sendall(b"x"); assert s.recv(1) == b"x"
                        all.append(s)
                    for s in all:
                        s.setsockopt(6, 19, 1); s.close()  # in repair mode a close says nothing to the peer
                    END
                    """, Integer.toString(server.port)), said());
            Awaitility.await().atMost(Duration.ofSeconds(10)).until(() -> established(server) == 0);
            assertEquals(0, server.terminate(), server.stderr());
            assertTrue(server.stderr().contains("books: 500 opened = 500 closed + 0 open; "), server.stderr());
        }
    }

    /** Connections that the kernel holds for the server. */
    private static long established(Served server) throws IOException {
        String local = String.format(": [0-9A-F]+:%04X \\S+ 01 .*", server.port); // 01 is ESTABLISHED
        long count = 0;
        for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
            count += Files.readAllLines(Path.of(table)).stream().filter(line -> line.matches(" *\\d+" + local)).count();
        }
        return count;
    }
}
