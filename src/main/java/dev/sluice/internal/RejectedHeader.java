package dev.sluice.internal;

import dev.sluice.ProxyHeader.Fault;

/** A PROXY header was refused. Has no stack trace: a peer causes it, and it may come often. */
public final class RejectedHeader extends Exception {

    private static final long serialVersionUID = 1;

    private final Fault fault;

    RejectedHeader(Fault fault, String message) {
        super(message, null, false, false);
        this.fault = fault;
    }

    /**
     * The cause.
     *
     * @return as it is counted
     */
    public Fault fault() {
        return fault;
    }
}
