package dev.sluice.program.cli;

import dev.sluice.ServerOptions;
import java.io.IOException;
import java.nio.channels.Selector;

/** While picocli reads the command line, another thread loads what {@code serve} will need whatever it says. */
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
        ServerOptions.defaults();
        try {
            Selector.open().close();
        } catch (IOException e) {
            // the server will say so
        }
    }
}
