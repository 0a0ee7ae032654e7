package dev.sluice.program;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Newcomers to a server, one after another on a thread of their own: each connects, asks, waits for the answer, and goes. */
final class Newcomers implements AutoCloseable {

    private static final int PATIENCE = 20_000;

    private final int port;
    private final byte[] question;
    private final String answer;
    private final CountDownLatch end = new CountDownLatch(1);
    private final List<Long> millis = new ArrayList<>();
    private final List<String> failures = new ArrayList<>();
    private final Thread thread = new Thread(this::run, "newcomers");

    /** Begins. An answer is a line that contains some text. */
    Newcomers(int port, String question, String answer) {
        this.port = port;
        this.question = question.getBytes(StandardCharsets.US_ASCII);
        this.answer = answer;
        thread.start();
    }

    private void run() {
        try {
            while (!end.await(50, TimeUnit.MILLISECONDS)) {
                visit();
            }
        } catch (InterruptedException e) {
            // the end
        }
    }

    private void visit() {
        long start = System.nanoTime();
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(PATIENCE);
            socket.getOutputStream().write(question);
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
            for (String line; !(line = in.readLine()).contains(answer); ) {
                continue;
            }
        } catch (IOException | NullPointerException e) {
            note(failures, e + " after " + (System.nanoTime() - start) / 1_000_000 + " ms");
        }
        note(millis, (System.nanoTime() - start) / 1_000_000);
    }

    private static <T> void note(List<T> list, T value) {
        synchronized (list) {
            list.add(value);
        }
    }

    /** Ends, and waits for the last of them. What kept the slowest waiting, in milliseconds. */
    long slowest() throws InterruptedException {
        close();
        return millis.stream().mapToLong(Long::longValue).max().orElse(0);
    }

    List<String> failures() throws InterruptedException {
        close();
        return failures;
    }

    int visits() throws InterruptedException {
        close();
        return millis.size();
    }

    @Override
    public void close() throws InterruptedException {
        end.countDown();
        thread.join();
    }
}
