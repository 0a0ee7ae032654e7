package dev.sluice.service;

import dev.sluice.Handler;

/** The services that the program can serve; the name is the constant's, in lower case. */
public enum Services {
    /** {@link Upper}. */
    UPPER("every byte back, a-z made A-Z", new Upper()),
    /** {@link Echo}. */
    ECHO("every byte back", new Echo()),
    /** {@link Discard}. */
    DISCARD("read all, send nothing", new Discard());

    private final String description;
    private final Handler.Factory factory;

    Services(String description, Handler shared) {
        this.description = description;
        this.factory = connection -> shared;
    }

    /**
     * What it does.
     *
     * @return a few words, in lower case
     */
    public String description() {
        return description;
    }

    /**
     * What a server needs to offer it.
     *
     * @return makes the handler of each connection
     */
    public Handler.Factory factory() {
        return factory;
    }
}
