package dev.sluice;

import dev.sluice.CloseReason.Kind;
import dev.sluice.ReactorCallbacks.Event;
import dev.sluice.internal.Count;
import dev.sluice.internal.Remainder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The inbound half of the connections of one group: reads, lends what came to the handler, and keeps what it left unread. One
 * object for the group and none for each connection, of which ten thousand idle ones would pay for it.
 */
final class ReactorInput {

    /** A read at 64 KiB a message costs 1.17 times as much with a quarter of this, and 1.3 times with four times it. */
    private static final int READ_BUFFER = 64 << 10;

    private final ConnectionGroup group;
    private final int maxRemainder;

    /** Lent to every handler in turn. */
    private final ByteBuffer lent = ByteBuffer.allocateDirect(READ_BUFFER);

    ReactorInput(ConnectionGroup group) {
        this.group = group;
        this.maxRemainder = group.options.maxRemainder();
    }

    /** Reads once and lends it to the handler; returns false if nothing was there. */
    boolean read(ReactorConnection connection) {
        int waiting = connection.output.length();
        if (waiting > 0 && waiting > group.readMark() && !group.readsWhileOutputWaits(connection)) {
            connection.throttled = true;
            return false;
        }
        ByteBuffer in = Remainder.before(connection.remainder, lent, maxRemainder);
        if (!in.hasRemaining()) {
            offerRemainder(connection);
            return false;
        }
        int read = receive(connection, in);
        in.flip(); // though nothing was read: it may be the remainder itself
        if (read > 0) {
            lend(connection, in);
        } else if (read < 0) {
            end(connection);
        }
        return read > 0;
    }

    /** One read call: bytes, 0 for none or for a connection that is lost, -1 for the peer's end. */
    private int receive(ReactorConnection connection, ByteBuffer in) {
        group.counters.increment(Count.READS);
        try {
            int read = group.wire.read(connection.channel(), in);
            if (read > 0) {
                connection.activeNs = group.reactor.nowNs();
                group.counters.add(Count.READ, read);
            }
            return read;
        } catch (Throwable t) { // whatever it is, the connection ends as connections do, with its last callback
            connection.end(Kind.RESET, t);
            return 0;
        }
    }

    private void lend(ReactorConnection connection, ByteBuffer in) {
        int offered = in.remaining();
        connection.stuck = false;
        group.callbacks.call(connection, Event.READ, in.order(ByteOrder.BIG_ENDIAN)); // another handler may have changed it
        connection.owed &= in.remaining() != offered; // who resumes within the call, and takes nothing, has seen all there is
        if (!connection.takesInput()) {
            connection.remainder = null;
            return;
        }
        ByteBuffer left = Remainder.after(connection.remainder, in, lent);
        connection.remainder = left;
        if (connection.isReading() && left != null && left.limit() >= maxRemainder) {
            connection.end(Kind.PROTOCOL, null);
        }
    }

    /** Offers what was left unread, without new bytes. */
    void offerRemainder(ReactorConnection connection) {
        if (connection.isReading() && connection.remainder != null) {
            int before = connection.remainder.limit();
            lend(connection, connection.remainder);
            connection.stuck = connection.remainder != null && connection.remainder.limit() == before;
        }
    }

    private void end(ReactorConnection connection) {
        offerRemainder(connection);
        if (connection.remainder != null && (connection.paused || connection.throttled || connection.owed)) {
            return; // the handler is not done with it; the end will be read again
        }
        connection.inputEnded = true;
        connection.remainder = null;
        if (connection.takesInput()) {
            group.callbacks.call(connection, Event.EOF, null);
        }
    }

    /** Bytes that have arrived and that the handler has not taken: what it left unread, and what the kernel holds. */
    long unread(ReactorConnection connection) {
        int left = connection.remainder == null ? 0 : connection.remainder.limit();
        try {
            return left + group.wire.available(connection.channel());
        } catch (IOException e) { // lost
            return left;
        }
    }

    /** The peer's bytes after our end: were they left unread, closing would reset the connection and destroy our last ones. */
    void discard(ReactorConnection connection) {
        if (receive(connection, lent.clear()) < 0) {
            connection.inputEnded = true;
        }
    }
}
