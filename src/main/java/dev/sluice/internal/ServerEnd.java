package dev.sluice.internal;

import dev.sluice.DrainReport;
import dev.sluice.Server;
import java.io.Closeable;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import org.slf4j.LoggerFactory;

/** The end of a server's life: its listening sockets close, its connections drain, its termination completes. Any thread. */
public final class ServerEnd {

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
            draining = true;
            try {
                sockets.close();
            } catch (IOException e) {
                failure = e;
            }
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
     * A loop has failed, which ends the server.
     *
     * @param cause why
     */
    public void failed(Throwable cause) {
        failure = cause;
        LoggerFactory.getLogger(Server.class).error("a loop has failed, and the server ends", cause);
    }

    /** The loops have ended: completes the termination, with the report unless something failed. */
    public void complete() {
        if (failure == null && report != null) {
            termination.complete(report);
        } else {
            termination.completeExceptionally(failure != null ? failure : new IllegalStateException("the reactor ended before its server"));
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
