package dev.sluice.program.service;

import dev.sluice.Handler;
import dev.sluice.datagram.DatagramHandler;
import java.io.IOException;
import java.util.Locale;
import java.util.Optional;

/** The services that the program can serve; the name is the constant's, in lower case. */
public enum Services {
    /** {@link Upper}. */
    UPPER("every byte back, a-z made A-Z", settings -> shared(new Upper()), new Upper()),
    /** {@link Echo}. */
    ECHO("every byte back", settings -> shared(new Echo()), new Echo()),
    /** {@link Discard}. */
    DISCARD("read all, send nothing", settings -> shared(new Discard()), new Discard()),
    /** {@link Chat}. */
    CHAT("each line to every other client", settings -> new Chat(settings.maxLine(), settings.frameTimeout()), null),
    /** {@link Recording}. */
    RECORD("append each line, in upper case, to --file; answer when on disk",
            settings -> new Recording(settings.file(), settings.maxLine(), settings.frameTimeout()), null),
    /** {@link Proxy}. */
    PROXY("relay to --to PLACE", settings -> new Proxy(settings.targets(), settings.resolveInterval(), settings.sendProxy()), null);

    private interface Opener {
        Service open(Settings settings) throws IOException;
    }

    private final String description;
    private final Opener opener;
    private final DatagramHandler datagrams;

    Services(String description, Opener opener, DatagramHandler datagrams) {
        this.description = description;
        this.opener = opener;
        this.datagrams = datagrams;
    }

    private static Service shared(Handler handler) {
        return () -> connection -> handler;
    }

    /**
     * A description for the help.
     *
     * @return a few words, in lower case
     */
    public String description() {
        return description;
    }

    /**
     * The same service for datagrams.
     *
     * @return a handler that any thread may call, or nothing if the service needs connections
     */
    public Optional<DatagramHandler> datagrams() {
        return Optional.ofNullable(datagrams);
    }

    /**
     * Opens the service.
     *
     * @param settings its settings
     * @return the service, to be closed after its server
     * @throws IOException if a file cannot be used
     */
    public Service open(Settings settings) throws IOException {
        return opener.open(settings);
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
