package dev.sluice.internal;

import dev.sluice.DrainReport;
import dev.sluice.Server;
import java.io.Closeable;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The end of a server's life: its listening sockets close, its connections drain, its termination completes. Any thread. A step that
 * finds no memory may be taken again.
 */
public final class ServerEnd {

    private static final Logger LOG = LoggerFactory.getLogger(Server.class);

    private final CompletableFuture<DrainReport> termination = new CompletableFuture<>();
    private volatile DrainReport report;
    private volatile Throwable failure;
    private boolean draining;

    /** Makes that of a server that has just begun. */
    public ServerEnd() {}

    /**
     * On the loop that accepts. The server drains; asked again, the sockets are closed already.
     *
     * @param sockets what it listens on
     */
    public void drains(Closeable sockets) {
        if (!draining) {
            try {
                sockets.close();
            } catch (IOException e) {
                failure = e;
            }
            draining = true;
        }
    }

    /**
     * All connections have closed.
     *
     * @param account of the drain
     */
    public void drained(DrainReport account) {
        report = account;
    }

    /**
     * A loop has failed, which ends the server. Needs no memory.
     *
     * @param cause why
     */
    public void failed(Throwable cause) {
        failure = cause;
        try {
            LOG.error("a loop has failed, and the server ends", cause);
        } catch (Throwable t) {
            // no memory for the line: the termination tells
        }
    }

    /**
     * The loops have ended: completes the termination, with the report unless something failed.
     *
     * @throws OutOfMemoryError it is to be called again: some who wait for the end may not have been told
     */
    public void complete() {
        if (failure == null && report != null) {
            termination.complete(report);
        } else {
            Throwable why = failure != null ? failure : new IllegalStateException("the reactor ended before its server");
            // already as its copies have it: a copy that had no memory to wrap it would never complete
            termination.completeExceptionally(new CompletionException(why));
        }
    }

    /**
     * The end, for any number of callers.
     *
     * @return a copy, which cannot be completed from outside
     */
    public CompletableFuture<DrainReport> termination() {
        return termination.copy();
    }
}
