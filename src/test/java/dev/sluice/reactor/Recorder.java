package dev.sluice.reactor;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;

/**
 * Stands before a handler, writes down every callback, and knows in which order they may come, one at a time. That they
 * all come on one thread is asked of a reactor alone.
 */
public final class Recorder implements Handler {

    /** One letter a callback: o open, r read, w writable, e end of input, c close. */
    private static final Pattern GRAMMAR = Pattern.compile("(o[rw]*(ew*)?)?c");

    public final Connection connection;
    final List<String> violations = Collections.synchronizedList(new ArrayList<>());
    private final Handler handler;
    private final StringBuffer callbacks = new StringBuffer();
    private final Thread thread;
    private final AtomicBoolean inside = new AtomicBoolean();
    public volatile CloseReason reason;

    Recorder(Connection connection, Handler handler) {
        this(connection, handler, true);
    }

    public Recorder(Connection connection, Handler handler, boolean onOneThread) {
        this.connection = connection;
        this.handler = handler;
        this.thread = onOneThread ? Thread.currentThread() : null;
    }

    private interface Callback {
        void run() throws Exception;
    }

    private void record(char letter, Callback callback) throws Exception {
        callbacks.append(letter);
        if (inside.getAndSet(true)) {
            violations.add("nested: " + callbacks);
        }
        if (thread != null && Thread.currentThread() != thread) {
            violations.add("on another thread: " + callbacks);
        }
        try {
            callback.run();
        } finally {
            inside.set(false);
        }
    }

    @Override
    public void onOpen(Connection connection) throws Exception {
        record('o', () -> handler.onOpen(connection));
    }

    @Override
    public void onRead(Connection connection, ByteBuffer in) throws Exception {
        record('r', () -> handler.onRead(connection, in));
    }

    @Override
    public void onWritable(Connection connection) throws Exception {
        record('w', () -> handler.onWritable(connection));
    }

    @Override
    public boolean readsWhileOutputWaits() {
        return handler.readsWhileOutputWaits();
    }

    @Override
    public void onEof(Connection connection) throws Exception {
        record('e', () -> handler.onEof(connection));
    }

    @Override
    public void onClose(Connection connection, CloseReason reason) throws Exception {
        try {
            record('c', () -> handler.onClose(connection, reason));
        } finally {
            this.reason = reason; // last: a thread that sees it also sees the callback's effects
        }
    }

    public String callbacks() {
        return callbacks.toString();
    }

    public boolean isClosed() {
        return reason != null;
    }

    /** The faults in the order of callbacks, once the connection has ended. */
    public List<String> check() {
        if (!GRAMMAR.matcher(callbacks).matches()) {
            violations.add("not the grammar's order: " + callbacks);
        }
        return violations;
    }
}
