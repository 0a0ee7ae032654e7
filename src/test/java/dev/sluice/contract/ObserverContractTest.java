package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.ServerObserver;
import dev.sluice.ServerOptions;
import dev.sluice.contract.Rig.Client;
import dev.sluice.harness.ExpectsLog;
import dev.sluice.harness.MayLog;
import java.net.SocketAddress;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** The reports of a server on its connections: its observer of newcomers that were refused, the log of beginnings and ends. */
class ObserverContractTest extends EngineContract {

    private final List<String> told = new CopyOnWriteArrayList<>();

    @Test
    void refusedNewcomerIsToldWithItsAddressAndTheReason() throws Exception {
        ServerObserver observer = new ServerObserver() {
            @Override
            public void refused(SocketAddress remote, Refusal why) {
                told.add(why + " " + remote);
            }
        };
        serve(ServerOptions.builder().maxConnections(1).observer(observer), connection -> ECHO).connect();
        Client refused = rig.connectOnly();
        assertEquals(-1, refused.in.read());
        rig.await(() -> !told.isEmpty(), "the observer");
        assertEquals(List.of("CONNECTION_LIMIT " + refused.socket.getLocalSocketAddress()), told);
    }

    @Test
    @ExpectsLog("the server's observer failed")
    void observerThatThrowsChangesNothing() throws Exception {
        ServerObserver observer = new ServerObserver() {
            @Override
            public void refused(SocketAddress remote, Refusal why) {
                told.add("refused");
                throw new StackOverflowError("on purpose");
            }
        };
        Client there = serve(ServerOptions.builder().maxConnections(1).observer(observer), connection -> ECHO).connect();
        for (int i = 0; i < 3; i++) {
            assertEquals(-1, rig.connectOnly().in.read());
        }
        rig.await(() -> told.size() == 3, "the observer");
        assertEquals("x", there.send("x").receive(1));
    }

    /** The lines that are logged of connections. */
    private final class Lines extends AppenderBase<ILoggingEvent> implements AutoCloseable {
        private final Logger logger = (Logger) LoggerFactory.getLogger(Connection.class);

        Lines(Level level) {
            setContext(logger.getLoggerContext());
            start();
            logger.setLevel(level);
            logger.setAdditive(false);
            logger.addAppender(this);
        }

        @Override
        protected void append(ILoggingEvent event) {
            told.add(event.getLevel() + " " + event.getFormattedMessage());
        }

        @Override
        public void close() {
            logger.detachAppender(this);
            logger.setAdditive(true);
            logger.setLevel(null);
        }
    }

    @Test
    void beginningAndEndAreLoggedAtDebugLevel() throws Exception {
        try (Lines lines = new Lines(Level.DEBUG)) {
            Client client = serve(ECHO).connect();
            String ends = client.socket.getRemoteSocketAddress() + " with " + client.socket.getLocalSocketAddress();
            long id = client.connection().id();
            client.send("x").receive(1);
            client.socket.close();
            client.awaitClose();
            rig.await(() -> told.size() == 2, "two lines: " + told);
            assertEquals("DEBUG connection " + id + " opened: " + ends, told.get(0));
            assertTrue(told.get(1).matches("DEBUG connection " + id + " closed: \\Q" + ends + "\\E, (PEER|RESET), 0 bytes unsent.*"), told.get(1));
        }
    }

    @Test
    void nothingIsLoggedAboveThatLevel() throws Exception {
        try (Lines lines = new Lines(Level.INFO)) {
            Client client = serve(ECHO).connect();
            client.send("x").receive(1);
            client.socket.close();
            client.awaitClose();
            rig.close();
            assertEquals(List.of(), told);
        }
    }

    /** An exception that tells nothing. */
    private static final class Untold extends RuntimeException {
        private static final long serialVersionUID = 1;

        @Override
        public String toString() {
            throw new IllegalStateException("on purpose");
        }
    }

    @Test
    @MayLog("handler failed on READ")
    void endComesThoughItsReasonCannotBeLogged() throws Exception {
        try (Lines lines = new Lines(Level.DEBUG)) {
            Client client = serve((self, in) -> {
                throw new Untold();
            }).connect();
            client.send("x");
            assertEquals(CloseReason.Kind.HANDLER_FAILURE, client.awaitClose().kind());
            rig.close();
        }
    }
}
