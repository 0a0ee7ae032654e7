package dev.sluice.program.bench;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/**
 * Something that can serve an echo, to be compared. Sluice's own engines are {@link OwnEngine}s; others are found by
 * {@link ServiceLoader}, where they are on the class path.
 */
public interface Contender {

    /** A server that runs, on threads that keep the process alive until it is closed. */
    interface Running extends AutoCloseable {
        /**
         * Where it listens.
         *
         * @return with the port that was taken
         */
        InetSocketAddress address();

        @Override
        void close();
    }

    /**
     * Its name on the command line.
     *
     * @return a word
     */
    String name();

    /**
     * Whether this process could run it; asked in the server's process.
     *
     * @return why it cannot, or null
     */
    String whyNot();

    /**
     * How many connections it serves at a time.
     *
     * @param spec as it was written
     * @return a number; more make no sense
     */
    default int mostConnections(EngineSpec spec) {
        return Integer.MAX_VALUE;
    }

    /**
     * Starts an echo.
     *
     * @param spec    as it was written
     * @param address where to listen; port zero takes a free one
     * @return a server that accepts connections
     * @throws IOException if it cannot
     */
    Running start(EngineSpec spec, InetSocketAddress address) throws IOException;

    /**
     * All there are.
     *
     * @return our own, then those on the class path
     */
    static List<Contender> all() {
        List<Contender> all = new ArrayList<>(OwnEngine.all());
        for (Iterator<Contender> others = ServiceLoader.load(Contender.class, Contender.class.getClassLoader()).iterator(); ; ) {
            try {
                if (!others.hasNext()) {
                    return all;
                }
                all.add(others.next());
            } catch (ServiceConfigurationError e) {
                // named by a file that an earlier build with profile bench left behind
            }
        }
    }

    /**
     * One of them.
     *
     * @param name its name
     * @return a contender, or null
     */
    static Contender named(String name) {
        return all().stream().filter(each -> each.name().equals(name)).findFirst().orElse(null);
    }
}
