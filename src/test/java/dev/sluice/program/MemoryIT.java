package dev.sluice.program;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.Figures;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The program on a small heap, with more clients than its memory can serve at once. A few hundred at
 * {@code -Xmx32m} in the default build; {@code -Dsluice.memory=full} makes it thousands at {@code -Xmx64m}, and takes more pairs of
 * an engine and a service.
 */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class MemoryIT {

    private static final boolean FULL = System.getProperty("sluice.memory", "").equals("full");

    /** In MiB. */
    private static final int HEAP = FULL ? 64 : 32;
    /** The default of {@code --max-memory}. */
    private static final int BUDGET = (HEAP << 20) / 4;
    private static final int LINE = 60_000;
    /** What holds a line before its end has come. */
    private static final int HELD = 64 << 10;

    private static final List<String> ENGINES = Runtime.version().feature() < 21
            ? List.of("reactor", "reactor --sub-reactors 2", "threads")
            : List.of("reactor", "reactor --sub-reactors 2", "virtual");

    private static final Pattern BOOKS = Pattern.compile(
            "books: (\\d+) opened = (\\d+) closed \\+ 0 open; (\\d+) bytes enqueued = (\\d+) written \\+ 0 pending \\+ (\\d+) discarded");

    private static Served serve(int heap, String arguments, Path directory) throws Exception {
        List<String> all = new ArrayList<>(Arrays.asList(arguments.split(" ")));
        if (all.get(0).equals("record")) {
            all.addAll(List.of("--file", directory.resolve("lines").toString()));
        }
        all.addAll(List.of("--max-connections", "19000"));
        return new Served("-Xmx" + heap + "m", all.toArray(new String[0]));
    }

    /** SIGTERM. The process ends in time, its books balance, and each end has a reason. Returns the ends. */
    private static String ends(Served server, Duration drain) throws Exception {
        long start = System.nanoTime();
        server.process.destroy();
        assertTrue(server.process.waitFor(60, TimeUnit.SECONDS), () -> "still there after its drain: " + server.stderr());
        long took = (System.nanoTime() - start) / 1_000_000;
        Figures.check(took <= drain.toMillis() + 2_000, "ended " + took + " ms after SIGTERM");
        String said = server.stderr();
        assertTrue(List.of(0, 4).contains(server.process.exitValue()), () -> "status " + server.process.exitValue() + ": " + said);
        assertTrue(said.lines().noneMatch(line -> line.contains("OutOfMemory")), said);
        Matcher books = BOOKS.matcher(said);
        assertTrue(books.find(), said);
        assertEquals(books.group(1), books.group(2), said);
        assertEquals(Long.parseLong(books.group(3)), Long.parseLong(books.group(4)) + Long.parseLong(books.group(5)), said);
        String ends = said.lines().filter(line -> line.startsWith("ends: ")).findFirst().orElseThrow();
        long reasons = Pattern.compile("(\\d+) [A-Z]").matcher(ends).results().mapToLong(match -> Long.parseLong(match.group(1))).sum();
        assertEquals(Long.parseLong(books.group(2)), reasons, said);
        return ends + "; " + took + " ms after SIGTERM, status " + server.process.exitValue();
    }

    // ---- unread input ---------------------------------------------------------------------------------------------------

    static Stream<String> enginesAndServices() {
        return Stream.of("chat -e reactor", "record -e reactor --sub-reactors 2", "chat -e threads",
                        "chat -e reactor --sub-reactors 2", "record -e reactor", "record -e threads", "chat -e virtual", "record -e virtual")
                .filter(each -> ENGINES.contains("virtual") || !each.endsWith("virtual"))
                .limit(FULL ? 8 : 3);
    }

    /** The line begins as a command does, so that a chat answers it to its sender alone. */
    @ParameterizedTest
    @MethodSource("enginesAndServices")
    void unfinishedLinesOfAllClientsTogetherAreBounded(String service, @TempDir Path directory) throws Exception {
        int clients = FULL ? 3_000 : 600;
        Duration stalled = Duration.ofSeconds(FULL ? 3 : 1);
        boolean isChat = service.startsWith("chat");
        String answer = isChat ? "there are" : "ok 1";
        byte[] unfinished = new byte[LINE];
        Arrays.fill(unfinished, (byte) 'x');
        unfinished[0] = '/';
        try (Served server = serve(HEAP, service + " --frame-timeout 0s --write-timeout " + stalled.toMillis() + "ms", directory);
                ManyClients crowd = new ManyClients(server.port, answer)) {
            List<ManyClients.Client> all = crowd.connect(clients);
            crowd.untilQuietFor(Duration.ofMillis(200), Duration.ofSeconds(60)); // those that join a chat are announced to all others
            try (Newcomers newcomers = new Newcomers(server.port, "/what\n", answer)) {
                all.forEach(client -> client.send(ByteBuffer.wrap(unfinished)));
                crowd.untilNoneEndsFor(stalled.multipliedBy(3), Duration.ofSeconds(120));
                List<ManyClients.Client> left = crowd.open();
                left.forEach(client -> client.send(ByteBuffer.wrap(new byte[] {'\n'})));
                crowd.until(Duration.ofSeconds(60), () -> left.stream().allMatch(client -> client.answers() == 1 || client.hasEnded()),
                        () -> left.stream().filter(client -> client.answers() == 0).count() + " have no answer: " + server.stderr());
                long answered = left.stream().filter(client -> client.answers() == 1).count();
                long slowest = newcomers.slowest();
                left.forEach(client -> client.send(ByteBuffer.wrap(unfinished)));
                String ends = ends(server, Duration.ofSeconds(10));
                Figures.tell("MemoryIT %s: of %d clients %d stayed, %d were answered; slowest of %d newcomers %d ms; %s",
                        service, clients, left.size(), answered, newcomers.visits(), slowest, ends);
                assertEquals(List.of(), newcomers.failures(), ends);
                Figures.check(slowest < (FULL ? 1_000 : 2_000), "a newcomer waited for " + slowest + " ms");
                assertTrue(answered >= BUDGET * 3L / 4 / HELD * 9 / 10, answered + " answered: " + ends);
            }
        }
    }

    // ---- read buffers ---------------------------------------------------------------------------------------------------

    /** Each asks once, and is silent from then on. */
    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void idleConnectionsOnVirtualThreadsAreServedOrRefused() throws Exception {
        int clients = FULL ? 8_800 : 4_400;
        int enough = FULL ? 6_000 : 3_000;
        try (Served server = new Served("-Xmx" + HEAP + "m", "echo", "-e", "virtual", "--drain-timeout", "2s");
                ManyClients crowd = new ManyClients(server.port, "ping")) {
            List<ManyClients.Client> all = crowd.connect(clients);
            all.forEach(client -> client.send(ByteBuffer.wrap("ping".getBytes(StandardCharsets.US_ASCII))));
            crowd.until(Duration.ofSeconds(60), () -> all.stream().allMatch(client -> client.answers() == 1 || client.hasEnded()),
                    () -> all.stream().filter(client -> client.answers() == 0 && !client.hasEnded()).count() + " wait: " + server.stderr());
            long served = all.stream().filter(client -> client.answers() == 1 && !client.hasEnded()).count();
            String ends = ends(server, Duration.ofSeconds(2));
            Figures.tell("MemoryIT: of %d idle connections %d were served; %s", clients, served, ends);
            assertTrue(served >= enough, served + " served");
            assertTrue(server.stderr().contains("refused: " + (clients - served) + " connections"), server.stderr());
        }
    }

    // ---- bursts ---------------------------------------------------------------------------------------------------------

    static Stream<Arguments> engines() {
        return ENGINES.stream().flatMap(engine -> Stream.of(0, 1, 10).limit(FULL ? 3 : 1).map(length -> Arguments.of(engine, length)));
    }

    /** The median time of five answers, in milliseconds. */
    private static long median(Socket asker) {
        try {
            BufferedReader in = new BufferedReader(new InputStreamReader(asker.getInputStream(), StandardCharsets.US_ASCII));
            long[] millis = new long[5];
            for (int i = 0; i < millis.length; i++) {
                long start = System.nanoTime();
                asker.getOutputStream().write("/what\n".getBytes(StandardCharsets.US_ASCII));
                while (!in.readLine().startsWith("* there are")) {
                    continue;
                }
                millis[i] = (System.nanoTime() - start) / 1_000_000;
            }
            Arrays.sort(millis);
            return millis[2];
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** 64 KiB of short lines, again and again, from one of many members. Each line reaches each member. */
    @ParameterizedTest
    @MethodSource("engines")
    void shortLinesOfOneMemberDelayNoAnswer(String engine, int length) throws Exception {
        int members = FULL ? 4_000 : 400;
        int lines = (64 << 10) / (length + 1);
        ByteBuffer burst = ByteBuffer.wrap(("x".repeat(length) + "\n").repeat(lines).getBytes(StandardCharsets.US_ASCII));
        try (Served server = serve(FULL ? 256 : HEAP, "chat -e " + engine, null);
                ManyClients crowd = new ManyClients(server.port, "");
                Socket asker = server.connect()) {
            List<ManyClients.Client> all = crowd.connect(members - 1);
            ManyClients.Client sender = all.get(0);
            sender.send(ByteBuffer.wrap("/name sender\n".getBytes(StandardCharsets.US_ASCII)));
            crowd.untilQuietFor(Duration.ofMillis(500), Duration.ofSeconds(60));
            long[] before = all.stream().mapToLong(ManyClients.Client::received).toArray();

            CompletableFuture<Long> alone = CompletableFuture.supplyAsync(() -> median(asker));
            crowd.until(Duration.ofSeconds(60), alone::isDone, () -> "no answer");
            long each = (long) lines * ("sender: ".length() + length + 1);
            long[] said = {each};
            sender.send(burst);
            crowd.until(Duration.ofSeconds(60), () -> all.get(1).received() >= before[1] + each / 10, () -> "the burst does not begin");
            CompletableFuture<Long> beside = CompletableFuture.supplyAsync(() -> median(asker));
            while (!beside.isDone()) {
                if (all.get(1).received() >= before[1] + said[0]) {
                    sender.send(burst);
                    said[0] += each;
                }
                crowd.turn();
            }
            // the asker reads no more, and is closed in the end
            asker.close();
            crowd.until(Duration.ofSeconds(120), () -> IntStream.range(1, all.size()).allMatch(i -> all.get(i).received() >= before[i] + said[0]),
                    () -> all.stream().filter(ManyClients.Client::hasEnded).count() + " were closed; of " + said[0] + " bytes the others have at least "
                            + IntStream.range(1, all.size()).filter(i -> !all.get(i).hasEnded()).mapToLong(i -> all.get(i).received() - before[i]).min()
                            + ": " + server.stderr());
            String ends = ends(server, Duration.ofSeconds(10));
            Figures.tell("MemoryIT %s: %d bursts of lines of %d bytes from one of %d members: answers in %d ms, %d without; %s",
                    engine, said[0] / each, length, members, beside.join(), alone.join(), ends);
            Figures.check(beside.join() <= alone.join() + 100, beside.join() + " ms instead of " + alone.join());
        }
    }
}
