package dev.sluice.examples;

import dev.sluice.ServerOptions;
import dev.sluice.threads.ThreadServer;
import dev.sluice.threads.Threads;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetSocketAddress;

public final class BlockingUpper {
    public static void main(String[] args) throws IOException {
        InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0]));
        Threads threads = args.length == 1 ? Threads.pool(12) : Threads.virtual(); // these since Java 21
        ThreadServer.start(address, ServerOptions.defaults(), threads, (in, out, remote) -> {
            BufferedReader lines = new BufferedReader(new InputStreamReader(in));
            PrintStream answers = new PrintStream(out);
            for (String line; (line = lines.readLine()) != null; ) {
                answers.println(line.toUpperCase());
            }
        });
    }
}
