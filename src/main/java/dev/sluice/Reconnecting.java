package dev.sluice;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Keeps one connection to an address: whenever it has ended, or could not be made, makes another after a while. Belongs to the loop.
 *
 * <pre>
 *   connect ──▶ open ──▶ closed ──▶ wait, the shortest time ──▶ connect
 *      └───▶ failed ──▶ wait, longer each time ──────────────────┘
 * </pre>
 */
final class Reconnecting implements Handler.Factory {

    private final Connector connector;
    private final InetSocketAddress address;
    private final Duration timeout;
    private final Backoff backoff;
    private final Handler.Factory factory;
    private int failures;

    Reconnecting(Connector connector, InetSocketAddress address, Duration timeout, Backoff backoff, Handler.Factory factory) {
        this.connector = connector;
        this.address = address;
        this.timeout = timeout;
        this.backoff = backoff;
        this.factory = factory;
    }

    boolean connect() {
        return connector.connect(address, timeout, this);
    }

    @Override
    public Handler create(Connection connection) throws Exception {
        try {
            return new Watched(factory.create(connection));
        } catch (Throwable t) {
            again();
            throw t;
        }
    }

    private void again() {
        failures++;
        connector.later(backoff.delay(failures, ThreadLocalRandom.current()), this::connect);
    }

    /** The user's handler, whose end is the beginning of the next. */
    private final class Watched implements Handler {
        private final Handler handler;

        Watched(Handler handler) {
            this.handler = handler;
        }

        @Override
        public void onOpen(Connection connection) throws Exception {
            failures = 0;
            handler.onOpen(connection);
        }

        @Override
        public void onRead(Connection connection, ByteBuffer in) throws Exception {
            handler.onRead(connection, in);
        }

        @Override
        public void onWritable(Connection connection) throws Exception {
            handler.onWritable(connection);
        }

        @Override
        public boolean readsWhileOutputWaits() {
            return handler.readsWhileOutputWaits();
        }

        @Override
        public void onEof(Connection connection) throws Exception {
            handler.onEof(connection);
        }

        @Override
        public void onClose(Connection connection, CloseReason reason) throws Exception {
            again();
            handler.onClose(connection, reason);
        }
    }
}
