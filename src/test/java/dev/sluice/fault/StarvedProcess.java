package dev.sluice.fault;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A {@link StarvedServer} and its clients, for one seed. The clients connect, send, read, end and reset as the seed says until the server
 * has been without memory. Then a newcomer is answered, every client that ends its side is told the other end, and the server drains; or
 * the drain begins first. A server that does not come to its end is killed, and shows where its threads were.
 */
final class StarvedProcess implements AutoCloseable {

    /** After so long, it is taken to hang. A machine that is busy with other tests is slow. */
    private static final long SOON_NS = 60_000_000_000L;

    private static final String JAVA_HOME = System.getProperty("sluice.starved.java", System.getProperty("java.home"));
    private static final String BOOKS = "\nbooks\n";
    private static final String FAILED = "accepts that failed: ";

    /** How the server ended. */
    enum Ending { WHOLE, FAILED }

    /** A defect, with all that the process said. */
    static final class Defect extends Exception {
        private static final long serialVersionUID = 1;

        /** Java has lost a virtual thread, which no server can bring back. */
        final boolean isOfJava;

        Defect(String what, boolean isOfJava) {
            super(what);
            this.isOfJava = isOfJava;
        }
    }

    /**
     * A virtual thread that was woken and does not run: it stands where it gave up its carrier, and neither waits nor is on a carrier. That
     * is how it looks for a moment, or for ever if there was no memory to give it to its scheduler. Or one of the threads that wake virtual
     * ones has died.
     */
    private static final Pattern LOST = Pattern.compile("virtual RUNNABLE .*\\n +at java\\.base/java\\.lang\\.VirtualThread\\.(park|parkNanos|tryYield)\\("
            + "|in thread \"(VirtualThread-unblocker|[A-Za-z-]*Poller[0-9-]*)\"");

    private final String engine;
    private final long seed;
    private final SplittableRandom random;
    private final Process process;
    private final Path directory;
    private final List<SocketChannel> clients = new ArrayList<>();
    private final ByteBuffer bytes = ByteBuffer.allocateDirect(64 << 10);
    private final InetSocketAddress address;
    private String virtualThreads = "";
    private int outSeen;

    private StarvedProcess(String engine, long seed) throws IOException, Defect {
        this.engine = engine;
        this.seed = seed;
        this.random = new SplittableRandom(seed * 31);
        this.directory = Files.createTempDirectory("starved");
        List<String> command = new ArrayList<>(List.of(
                JAVA_HOME + "/bin/java",
                "-Xmx" + (16 + random.nextInt(16)) + "m",
                random.nextInt(5) == 0 ? "-XX:+UseG1GC" : "-XX:+UseSerialGC",
                "-ea",
                System.getProperty("sluice.starved.option", "-Dnone"),
                "-cp",
                classPath(random.nextBoolean()),
                StarvedServer.class.getName(),
                engine,
                Long.toString(seed)));
        process = new ProcessBuilder(command)
                .redirectOutput(directory.resolve("out").toFile())
                .redirectError(directory.resolve("err").toFile())
                .start();
        until(() -> out().contains("\n"), "it listens");
        outSeen = out().indexOf('\n') + 1;
        address = new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(out().substring(0, outSeen - 1)));
    }

    /** The test's own; without Logback, nothing is logged. */
    private static String classPath(boolean withLogback) {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(part -> withLogback || !part.contains("logback"))
                .reduce((one, other) -> one + File.pathSeparator + other)
                .orElseThrow();
    }

    /** Runs one seed to its end. */
    static Ending run(String engine, long seed) throws Exception {
        try (StarvedProcess starved = new StarvedProcess(engine, seed)) {
            return starved.play();
        }
    }

    private Ending play() throws Exception {
        boolean drainsFirst = random.nextInt(4) == 0;
        long start = System.nanoTime();
        long lively = 200_000_000L + random.nextInt(600) * 1_000_000L;
        while (!said('F') && process.isAlive() && System.nanoTime() - start < lively) {
            anything();
        }
        if (!said('F')) {
            order(drainsFirst && random.nextBoolean() ? 'b' : 'f');
            until(() -> said('F'), "its memory is full");
        }
        if (drainsFirst) {
            order('d');
        }
        while (!said('R') && process.isAlive()) {
            anything();
        }
        if (process.isAlive() && !drainsFirst) {
            newcomerIsAnswered();
            if (random.nextBoolean()) {
                allEnd();
            }
            order('d');
        }
        drainsWith();
        return ending();
    }

    // ---- the clients --------------------------------------------------------------------------------------------------

    private void anything() throws Defect {
        int chance = random.nextInt(100);
        if (clients.size() < 3 || chance < 12 && clients.size() < 40) {
            connect();
        } else {
            SocketChannel client = clients.get(random.nextInt(clients.size()));
            try {
                if (chance < 55) {
                    client.write(bytes.clear().limit(1 + random.nextInt(random.nextInt(8) == 0 ? 30_000 : 100)));
                } else if (chance < 93) {
                    if (client.read(bytes.clear()) < 0) {
                        close(client);
                    }
                } else if (chance < 96) {
                    client.shutdownOutput();
                } else if (chance < 98) {
                    close(client);
                } else {
                    client.setOption(StandardSocketOptions.SO_LINGER, 0);
                    close(client);
                }
            } catch (IOException e) {
                close(client);
            }
        }
        pause();
    }

    private void connect() {
        try {
            SocketChannel client = SocketChannel.open(address);
            client.configureBlocking(false);
            clients.add(client);
        } catch (IOException e) {
            // it does not listen any more
        }
    }

    private void close(SocketChannel client) {
        try {
            client.close();
        } catch (IOException e) {
            // lost
        }
        clients.remove(client);
    }

    /** One that came after the hunger. */
    private void newcomerIsAnswered() throws Exception {
        long start = System.nanoTime();
        while (process.isAlive()) {
            try (SocketChannel newcomer = SocketChannel.open(address)) {
                newcomer.configureBlocking(false);
                newcomer.write(ByteBuffer.wrap("!hello".getBytes(StandardCharsets.US_ASCII)));
                ByteArrayOutputStream answer = new ByteArrayOutputStream();
                until(() -> answered(newcomer, answer), "a newcomer is answered or closed");
                if (answer.size() == 6) {
                    return;
                }
            } catch (IOException e) {
                // refused for the moment: another comes
            }
            pause();
            if (System.nanoTime() - start > SOON_NS && process.isAlive()) {
                throw defect("every newcomer is refused");
            }
        }
    }

    private boolean answered(SocketChannel newcomer, ByteArrayOutputStream answer) {
        try {
            int read = newcomer.read(bytes.clear());
            for (int i = 0; i < read; i++) {
                answer.write(bytes.get(i));
            }
            return read < 0 || answer.size() >= 6;
        } catch (IOException e) {
            return true; // told, at least
        }
    }

    /**
     * Every client ends its side and takes all that comes, and the server ends the other. It cannot end those that it has lost in an
     * accept that failed, of which there are as many at most as it has counted.
     */
    private void allEnd() throws Defect {
        for (SocketChannel client : List.copyOf(clients)) {
            try {
                client.shutdownOutput();
            } catch (IOException e) {
                close(client);
            }
        }
        long start = System.nanoTime();
        boolean isAsked = false;
        while (!clients.isEmpty() && process.isAlive() && System.nanoTime() - start < SOON_NS) {
            takeAll();
            pause();
            if (!isAsked && System.nanoTime() - start > 2_500_000_000L) {
                isAsked = true;
                order('r');
                awaits("\ndone\n");
            }
            if (isAsked && clients.size() <= failedAccepts()) {
                return;
            }
        }
        if (!clients.isEmpty() && process.isAlive()) {
            throw defect(clients.size() + " clients are neither served nor told the end");
        }
    }

    private void takeAll() {
        for (Iterator<SocketChannel> each = clients.iterator(); each.hasNext(); ) {
            SocketChannel client = each.next();
            try {
                if (client.read(bytes.clear()) < 0) {
                    client.close();
                    each.remove();
                }
            } catch (IOException e) {
                each.remove();
            }
        }
    }

    // ---- the process --------------------------------------------------------------------------------------------------

    private void order(int letter) {
        try {
            process.getOutputStream().write(letter);
            process.getOutputStream().flush();
        } catch (IOException e) {
            // has ended; its status tells how
        }
    }

    private void drainsWith() throws Defect {
        long start = System.nanoTime();
        while (process.isAlive()) {
            takeAll();
            pause();
            if (System.nanoTime() - start > SOON_NS) {
                throw defect("it does not end");
            }
        }
    }

    private Ending ending() throws Defect {
        if (process.exitValue() == 1 && err().lines().filter(line -> line.startsWith("starved:")).count() == 1) {
            return Ending.FAILED;
        }
        if (process.exitValue() != 0 || !out().endsWith("\ndone\n")) {
            throw defect("it ends with " + process.exitValue());
        }
        if (!out().substring(out().lastIndexOf(BOOKS)).startsWith(BOOKS + FAILED)) {
            throw defect("its books do not balance");
        }
        return Ending.WHOLE;
    }

    /** As it last told. */
    private int failedAccepts() {
        String out = out();
        int from = out.lastIndexOf(FAILED);
        return from < 0 ? 0 : Integer.parseInt(out.substring(from + FAILED.length(), out.indexOf('\n', from)));
    }

    private boolean said(int letter) {
        return out().indexOf(letter, outSeen) >= 0;
    }

    private String out() {
        return read("out");
    }

    private String err() {
        return read("err");
    }

    private String read(String name) {
        try {
            return Files.readString(directory.resolve(name), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private void until(BooleanSupplier condition, String what) throws Defect {
        long start = System.nanoTime();
        while (!condition.getAsBoolean() && process.isAlive()) {
            pause();
            if (System.nanoTime() - start > SOON_NS) {
                throw defect("waited in vain: " + what);
            }
        }
    }

    /** A moment, so that the process has the processor. */
    private static void pause() {
        java.util.concurrent.locks.LockSupport.parkNanos(300_000);
    }

    /** With its books and the places where its threads are, if it is still alive. */
    private Defect defect(String what) {
        if (process.isAlive()) {
            order('r');
            awaits("\ndone\n");
            try {
                new ProcessBuilder("kill", "-QUIT", Long.toString(process.pid())).start().waitFor(5, TimeUnit.SECONDS);
                awaits("\nHeap\n");
                showVirtualThreads();
            } catch (IOException | InterruptedException e) {
                // then without
            }
        }
        String said = Stream.of((out() + "\n\n" + virtualThreads).split("\n\n")).filter(part -> !part.matches("(?s)[\"#].*") || part.contains("dev.sluice")).reduce("", (all, part) -> all + part + "\n");
        boolean isOfJava = LOST.matcher(virtualThreads + err()).find();
        return new Defect(what + ": -Dsluice.seed=" + seed + " -Dsluice.engine=" + engine + "\n" + said + "\n" + err(), isOfJava);
    }

    /** The signal does not show them. */
    private void showVirtualThreads() throws IOException, InterruptedException {
        if (engine.equals("virtual")) {
            Path dump = directory.resolve("threads");
            new ProcessBuilder(JAVA_HOME + "/bin/jcmd", Long.toString(process.pid()), "Thread.dump_to_file", dump.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(Redirect.DISCARD)
                    .start()
                    .waitFor(20, TimeUnit.SECONDS);
            virtualThreads = read("threads");
            Files.deleteIfExists(dump);
        }
    }

    private void awaits(String words) {
        long start = System.nanoTime();
        while (!out().contains(words) && System.nanoTime() - start < 4_000_000_000L) {
            pause();
        }
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly();
        for (SocketChannel client : clients) {
            client.close();
        }
        for (String name : List.of("out", "err")) {
            Files.deleteIfExists(directory.resolve(name));
        }
        Files.deleteIfExists(directory);
    }
}
