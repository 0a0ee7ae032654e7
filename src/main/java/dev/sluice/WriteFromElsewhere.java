package dev.sluice;

import dev.sluice.internal.OutboundQueue;
import dev.sluice.internal.TaskQueue;
import java.nio.ByteBuffer;

/**
 * A write to a connection by another thread than its own: a message with a copy of the bytes. They count against the
 * queue's limit from the moment they are announced, so that a loop that is busy bounds its writers too.
 */
final class WriteFromElsewhere extends TaskQueue.Task {

    /** What a message costs beside its bytes, so that short ones and empty ones are bounded, too: it is 56, or 64 with wide references. */
    private static final int OVERHEAD = 64;

    private final ReactorConnection connection;
    private final byte[] bytes;
    private final boolean wasTold;

    private WriteFromElsewhere(ReactorConnection connection, byte[] bytes, boolean wasTold) {
        this.connection = connection;
        this.bytes = bytes;
        this.wasTold = wasTold;
    }

    /** Any thread. As {@link Connection#write}. */
    static boolean to(ReactorConnection connection, ByteBuffer data) {
        ConnectionGroup group = connection.group;
        OutboundQueue output = connection.output;
        int length = data.remaining();
        long cost = (long) length + OVERHEAD;
        boolean open = connection.isOpen() && !output.isEnded();
        boolean room = open && length <= group.options.maxPending() && reserve(group, cost);
        int most = room ? group.options.maxPending() : -1;
        long pending = output.announce(length, most);
        if (pending < 0 || pending > most) {
            group.elsewhere.addAndGet(room ? -cost : 0);
            group.refusedElsewhere.add(length);
            data.position(data.limit());
            if (open && pending >= 0) {
                group.reactor.execute(() -> connection.end(CloseReason.Kind.QUEUE_LIMIT, null));
            }
            return false;
        }
        boolean enough = pending > group.options.highWater();
        boolean taken = false;
        try {
            byte[] copy = new byte[length];
            data.get(copy);
            taken = group.reactor.execute(new WriteFromElsewhere(connection, copy, enough));
        } finally { // there may be no memory for the copy
            if (!taken) {
                group.elsewhere.addAndGet(-cost);
                if (output.arrived(length)) {
                    group.refusedElsewhere.add(length);
                }
            }
        }
        return taken && !enough;
    }

    /** Takes room for what is on its way. A write for which there is none takes none for a moment either: others would be refused for it. */
    private static boolean reserve(ConnectionGroup group, long cost) {
        long limit = group.options.maxPendingTotal();
        if (group.elsewhere.get() + cost > limit) {
            return false;
        }
        boolean room = group.elsewhere.addAndGet(cost) <= limit;
        if (!room) {
            group.elsewhere.addAndGet(-cost); // another was quicker
        }
        return room;
    }

    /** On the connection's thread. */
    @Override
    public void run() {
        connection.group.elsewhere.addAndGet(-(long) bytes.length - OVERHEAD);
        connection.group.output.take(connection, bytes, wasTold);
    }
}
