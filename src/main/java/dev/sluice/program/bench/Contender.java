package dev.sluice.program.bench;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/**
 * An echo server that can be compared. Sluice's own engines are {@link OwnEngine}s; {@link ServiceLoader} finds the others on the class
 * path.
 */
public interface Contender {

    /** A running server. Its threads keep the process alive until it is closed. */
    interface Running extends AutoCloseable {
        /**
         * The address at which it listens.
         *
         * @return the address, with the port that was taken
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
     * Whether a number behind its name means something to it.
     *
     * @return false if {@code NAME:N} is a mistake
     */
    default boolean takesNumber() {
        return true;
    }

    /**
     * The reason why this process cannot run it. The server's process asks.
     *
     * @return the reason, or null if it can
     */
    String whyNot();

    /**
     * The number of connections that it serves at a time.
     *
     * @param spec as it was written
     * @return the largest number that makes sense
     */
    default int mostConnections(EngineSpec spec) {
        return Integer.MAX_VALUE;
    }

    /**
     * Starts an echo.
     *
     * @param spec    as it was written
     * @param address the address to listen at; port zero takes a free one
     * @return a server that accepts connections
     * @throws IOException if it cannot
     */
    Running start(EngineSpec spec, InetSocketAddress address) throws IOException;

    /**
     * All contenders.
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
     * A contender by its name.
     *
     * @param name its name
     * @return a contender, or null
     */
    static Contender named(String name) {
        return all().stream().filter(each -> each.name().equals(name)).findFirst().orElse(null);
    }
}
