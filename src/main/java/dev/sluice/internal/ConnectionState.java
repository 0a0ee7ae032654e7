package dev.sluice.internal;

/**
 * The states of a connection, the same on every engine.
 *
 * <pre>
 *            admitted         close()          no work held             queue empty        peer's EOF or linger deadline
 *   socket ──────────▶ OPEN ─────────▶ LEAVING ─────────────▶ DRAINING ────────────▶ LINGERING ──────────▶ CLOSED ─▶ onClose
 *                       └──────────────────┴─── failure · abort() · limit · deadline ───┴──────────────────────▲
 * </pre>
 *
 * <p>A connection that is closed with nothing held and nothing queued passes through the states between within one call.
 */
public enum ConnectionState {
    /** Reads and writes. */
    OPEN,
    /** Its close was asked for, and work is still held: it writes, and does not read. */
    LEAVING,
    /** Nothing may be written any more; what is queued leaves. */
    DRAINING,
    /** Our end was sent; the peer's input is discarded until its end comes. */
    LINGERING,
    /** Ended. Only the last callback follows. */
    CLOSED;

    /**
     * Whether the handler may write.
     *
     * @return true until nothing is held any more
     */
    public boolean takesOutput() {
        return this == OPEN || this == LEAVING;
    }
}
