package dev.sluice.program.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A JVM that runs beside this one on the same class path. The two exchange lines. Closing it ends it. */
final class Forked implements AutoCloseable {

    /** The word of a process that cannot do its work; the reason follows it. */
    private static final String CANNOT = "CANNOT ";

    private static final String END = "\0";
    private static final long PATIENCE_S = 10;

    private final Process process;
    private final PrintStream to;
    private final BlockingQueue<String> said = new LinkedBlockingQueue<>();
    private final Path errors;

    private Forked(Process process, Path errors) {
        this.process = process;
        this.errors = errors;
        this.to = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
        Thread reader = new Thread(this::read, "sluice-bench-reader");
        reader.setDaemon(true);
        reader.start();
    }

    /** Starts a main class of this class path. */
    static Forked start(String java, List<String> flags, Class<?> main, String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(java));
        command.addAll(flags);
        String logs = System.getProperty("slf4j.provider"); // as in this process, or logs would stand among the lines
        if (logs != null) {
            command.addAll(List.of("-Dslf4j.provider=" + logs, "-Dslf4j.internal.verbosity=WARN"));
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(args));
        Path errors = Files.createTempFile("sluice-bench", ".err");
        Process process = null;
        try {
            process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
            return new Forked(process, errors);
        } catch (Throwable t) { // an Error too: there may be no thread to be had to read what it says
            if (process != null) {
                process.destroyForcibly();
            }
            Files.deleteIfExists(errors);
            throw t;
        }
    }

    private void read() {
        try (BufferedReader in = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line; (line = in.readLine()) != null; ) {
                said.add(line);
            }
        } catch (IOException e) {
            // it has ended
        } finally {
            said.add(END);
        }
    }

    void tell(String line) {
        to.println(line);
    }

    /** Waits for a line that begins with a word, and returns the rest of it. Other lines, such as logs, are passed over. */
    String await(String word, Duration patience) throws IOException, InterruptedException {
        long deadlineNs = System.nanoTime() + patience.toNanos();
        while (true) {
            String line = said.poll(deadlineNs - System.nanoTime(), TimeUnit.NANOSECONDS);
            if (line == null) {
                throw new IOException("no word within " + patience.toSeconds() + " s");
            }
            if (line.startsWith(word + " ")) {
                return line.substring(word.length() + 1);
            }
            if (line.startsWith(CANNOT) || line.equals(END)) {
                throw new IOException(line.equals(END) ? lastWords() : line.substring(CANNOT.length()));
            }
        }
    }

    /** The reason why a process ended early. */
    private String lastWords() throws IOException {
        String first = Files.readString(errors).lines().findFirst().orElse("nothing was said");
        return "its process ended: " + first;
    }

    long pid() {
        return process.pid();
    }

    /** Any thread. A thread that waits for a word of it learns that it has ended. */
    void kill() {
        process.destroyForcibly();
    }

    @Override
    public void close() {
        to.close();
        try {
            if (!process.waitFor(PATIENCE_S, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        try {
            Files.deleteIfExists(errors);
        } catch (IOException e) {
            // a temporary file
        }
    }
}
