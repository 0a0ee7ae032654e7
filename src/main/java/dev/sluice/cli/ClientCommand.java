package dev.sluice.cli;

import dev.sluice.cli.Program.Failure;
import java.io.Console;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code sluice client}: talks to a server, from a terminal, a pipe, or the command line. */
@Command(
        name = "client",
        description = "Sends what it reads and prints what comes.",
        showDefaultValues = true,
        sortOptions = false,
        footer = {
            "",
            "On a terminal: each line is sent, answers are printed as they come, Ctrl-D ends.",
            "In a pipe: standard input is sent byte for byte, answers go to standard output.",
            "Durations have a unit (500ms, 5s). Each option may also be set as SLUICE_NAME.",
            "Exit status: 0 done, 1 failed, 2 bad usage."
        })
final class ClientCommand implements Callable<Integer> {

    private static final Duration BETWEEN_TRIES = Duration.ofMillis(50);

    @Parameters(
            paramLabel = "[HOST:]PORT",
            converter = Address.Converter.class,
            description = "where the server is; 127.0.0.1 where no host is given")
    private Address address;

    @Option(
            names = "--eol",
            paramLabel = "EOL",
            defaultValue = "lf",
            description = "what ends a line that is typed or given with --send: ${COMPLETION-CANDIDATES}")
    private Eol eol;

    @Option(
            names = "--send",
            paramLabel = "TEXT",
            description = "send it, print the answer, exit; may be repeated")
    private List<String> send;

    @Option(
            names = "--wait",
            paramLabel = "T",
            defaultValue = "1s",
            converter = Units.Time.class,
            description = "with --send: how long to wait for more of an answer")
    private Duration wait;

    @Option(
            names = "--connect-timeout",
            paramLabel = "T",
            defaultValue = "5s",
            converter = Units.Time.class,
            description = "how long one attempt to connect may take")
    private Duration connectTimeout;

    @Option(
            names = "--retry",
            paramLabel = "T",
            defaultValue = "0s",
            converter = Units.Time.class,
            description = "how long to try again while nobody listens")
    private Duration retry;

    /** How a line ends. */
    enum Eol {
        lf("\n"),
        crlf("\r\n"),
        none("");

        private final String text;

        Eol(String text) {
            this.text = text;
        }
    }

    @Override
    public Integer call() throws Exception {
        try (Socket socket = connect()) {
            socket.setTcpNoDelay(true);
            if (send != null) {
                sendAll(socket);
            } else if (isTerminal()) {
                new Prompt(socket, eol.text).run();
            } else {
                pipe(socket);
            }
        } catch (IOException e) {
            throw new Failure(address + ": " + e.getMessage());
        }
        return 0;
    }

    private Socket connect() throws Failure, InterruptedException {
        InetSocketAddress target = address.resolve();
        long start = System.nanoTime();
        while (true) {
            Socket socket = new Socket();
            try {
                socket.connect(target, (int) Math.max(1, connectTimeout.toMillis()));
                return socket;
            } catch (IOException e) {
                closeQuietly(socket);
                if (System.nanoTime() - start >= retry.toNanos()) {
                    throw new Failure("cannot connect to " + address + ": " + e.getMessage());
                }
                Thread.sleep(BETWEEN_TRIES.toMillis());
            }
        }
    }

    private void sendAll(Socket socket) throws IOException {
        OutputStream stdout = new FileOutputStream(FileDescriptor.out);
        socket.setSoTimeout((int) Math.max(1, wait.toMillis()));
        for (int i = 0; i < send.size(); i++) {
            socket.getOutputStream().write((send.get(i) + eol.text).getBytes(StandardCharsets.UTF_8));
            boolean last = i == send.size() - 1;
            if (last) {
                socket.shutdownOutput(); // a server that answers and closes need not be waited for
            }
            printAnswer(socket.getInputStream(), stdout, last);
        }
    }

    /** What comes until nothing more does for a while; between two lines to send, until a line is complete. */
    private void printAnswer(InputStream in, OutputStream stdout, boolean last) throws IOException {
        byte[] buffer = new byte[64 << 10];
        try {
            for (int n; (n = in.read(buffer)) >= 0; ) {
                stdout.write(buffer, 0, n);
                if (!last && eol != Eol.none && buffer[n - 1] == '\n') {
                    return;
                }
            }
        } catch (SocketTimeoutException e) {
            // the answer is over
        }
    }

    /** Both directions at once, or two peers that each wait for the other to read would wait for ever. */
    private static void pipe(Socket socket) throws IOException {
        Thread sender = new Thread(() -> sendStandardInput(socket), "sluice-client-sender");
        sender.setDaemon(true); // it may be stuck in a read when the peer has closed
        sender.start();
        OutputStream stdout = new FileOutputStream(FileDescriptor.out);
        InputStream in = socket.getInputStream();
        byte[] buffer = new byte[64 << 10];
        for (int n; (n = in.read(buffer)) >= 0; ) {
            stdout.write(buffer, 0, n);
        }
    }

    private static void sendStandardInput(Socket socket) {
        try {
            new FileInputStream(FileDescriptor.in).transferTo(socket.getOutputStream());
            socket.shutdownOutput();
        } catch (IOException e) {
            // the reading side sees why
        }
    }

    /** Both ends of it: from JDK 22 to 24 there is a console object without one, too. */
    private static boolean isTerminal() {
        Console console = System.console();
        if (console == null) {
            return false;
        }
        try {
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (ReflectiveOperationException e) {
            return true;
        }
    }

    private static void closeQuietly(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            // it never connected
        }
    }
}
