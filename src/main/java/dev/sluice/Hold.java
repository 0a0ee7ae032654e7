package dev.sluice;

/** A hold on a connection, made by {@link Connection#hold}: the connection does not end while it is held. */
public interface Hold extends AutoCloseable {

    /** Any thread. Releases the hold. Does nothing when called again, or once the connection has closed. */
    @Override
    void close();
}
