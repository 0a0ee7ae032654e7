package dev.sluice;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** Stands before a handler, writes down every callback, and knows in which order they may come. */
final class Recorder implements Handler {

    /** One letter a callback: o open, r read, w writable, e end of input, c close. */
    private static final Pattern GRAMMAR = Pattern.compile("(o[rw]*(ew*)?)?c");

    final Connection connection;
    final List<String> violations = new ArrayList<>();
    private final Handler handler;
    private final StringBuilder callbacks = new StringBuilder();
    private final Thread thread = Thread.currentThread();
    private boolean inside;
    CloseReason reason;

    Recorder(Connection connection, Handler handler) {
        this.connection = connection;
        this.handler = handler;
    }

    private interface Callback {
        void run() throws Exception;
    }

    private void record(char letter, Callback callback) throws Exception {
        callbacks.append(letter);
        if (inside) {
            violations.add("nested: " + callbacks);
        }
        if (Thread.currentThread() != thread) {
            violations.add("on another thread: " + callbacks);
        }
        inside = true;
        try {
            callback.run();
        } finally {
            inside = false;
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
    public void onEof(Connection connection) throws Exception {
        record('e', () -> handler.onEof(connection));
    }

    @Override
    public void onClose(Connection connection, CloseReason reason) throws Exception {
        this.reason = reason;
        record('c', () -> handler.onClose(connection, reason));
    }

    String callbacks() {
        return callbacks.toString();
    }

    boolean isClosed() {
        return reason != null;
    }

    /** What went wrong with the order of callbacks, once the connection has ended. */
    List<String> check() {
        if (!GRAMMAR.matcher(callbacks).matches()) {
            violations.add("not the grammar's order: " + callbacks);
        }
        return violations;
    }
}
