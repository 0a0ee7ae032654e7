package dev.sluice.program.cli;

import dev.sluice.reactor.ReactorOptions;
import java.io.IOException;
import java.nio.channels.Selector;

/** A thread that loads classes which {@code serve} needs in any case, while picocli reads the command line. */
final class HeadStart {

    private static final Thread THREAD = new Thread(HeadStart::run, "sluice-head-start");

    private HeadStart() {}

    static void go() {
        THREAD.setDaemon(true);
        THREAD.start();
    }

    /** Waits until the logs are ready; returns at once where nothing was started. */
    static void await() throws InterruptedException {
        THREAD.join();
    }

    private static void run() {
        Logging.prepare();
        ReactorOptions.builder().build();
        try {
            Selector.open().close();
        } catch (IOException e) {
            // the server will say so
        }
    }
}
