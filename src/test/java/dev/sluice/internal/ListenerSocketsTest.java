package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.Listener;
import dev.sluice.ProxyHeader;
import dev.sluice.ServerObserver;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import dev.sluice.harness.ExpectsLog;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.helpers.NOPLogger;

/** Listening sockets whose accept fails as the test says, on a clock that the test moves. */
class ListenerSocketsTest {

    /** A port that cannot be bound. */
    private static final int TAKEN = 9;

    private final Scripted first = new Scripted();
    private final Scripted second = new Scripted();
    private final ArrayDeque<Object> backlog = first.backlog;
    private final List<SocketChannel> channels = new ArrayList<>();
    private final List<SocketChannel> admitted = new ArrayList<>();
    private final List<Duration> pauses = new ArrayList<>();
    private Runnable retry;

    /** How often listening again finds no memory. */
    private int lacks;
    private boolean listening = true;
    private boolean listeningOnSecond = true;
    private Throwable hostFails;
    private boolean registerFails;
    private int roomsMade;
    private long nowNs;
    private Admission admission;
    private ListenerSockets sockets;

    /** Gives its backlog's channels, throws its throwables, and null when it is empty. */
    private static final class Scripted extends ServerSocketChannel {
        private final ArrayDeque<Object> backlog = new ArrayDeque<>();
        private SocketAddress address;
        private int bound;
        private Runnable accept;

        Scripted() {
            super(SelectorProvider.provider());
        }

        @Override
        public SocketChannel accept() throws IOException {
            Object next = backlog.poll();
            if (next instanceof IOException) {
                throw (IOException) next;
            } else if (next instanceof Error) {
                throw (Error) next;
            }
            return (SocketChannel) next;
        }

        @Override
        public ServerSocketChannel bind(SocketAddress local, int backlog) throws IOException {
            if (((InetSocketAddress) local).getPort() == TAKEN) {
                throw new BindException("by the test");
            }
            address = local;
            bound = backlog;
            return this;
        }

        @Override
        public <T> ServerSocketChannel setOption(SocketOption<T> name, T value) {
            return this;
        }

        @Override
        public <T> T getOption(SocketOption<T> name) {
            return null;
        }

        @Override
        public Set<SocketOption<?>> supportedOptions() {
            return Set.of();
        }

        @Override
        public ServerSocket socket() {
            throw new UnsupportedOperationException();
        }

        @Override
        public SocketAddress getLocalAddress() {
            return address;
        }

        @Override
        protected void implCloseSelectableChannel() {}

        @Override
        protected void implConfigureBlocking(boolean block) {}
    }

    /** Makes the two sockets. */
    private final SelectorProvider provider = new SelectorProvider() {
        private int made;

        @Override
        public ServerSocketChannel openServerSocketChannel() {
            return ++made == 1 ? first : second;
        }

        @Override
        public SocketChannel openSocketChannel() {
            throw new UnsupportedOperationException();
        }

        @Override
        public DatagramChannel openDatagramChannel() {
            throw new UnsupportedOperationException();
        }

        @Override
        public DatagramChannel openDatagramChannel(ProtocolFamily family) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Pipe openPipe() {
            throw new UnsupportedOperationException();
        }

        @Override
        public AbstractSelector openSelector() {
            throw new UnsupportedOperationException();
        }
    };

    private final ListenerSockets.Host host = new ListenerSockets.Host() {
        @Override
        public Consumer<Boolean> register(ServerSocketChannel socket, Runnable accept) throws IOException {
            if (registerFails && socket == second) {
                throw new IOException("by the test");
            }
            ((Scripted) socket).accept = accept;
            return wanted -> {
                if (wanted && lacks-- > 0) {
                    throw new OutOfMemoryError("by the test");
                }
                if (socket == first) {
                    listening = wanted;
                } else {
                    listeningOnSecond = wanted;
                }
            };
        }

        @Override
        public void makeRoom() {
            roomsMade++;
        }

        @Override
        public Runnable watch(SocketChannel channel, Runnable readable) {
            throw new AssertionError("none of these listeners awaits a header");
        }

        @Override
        public void admitted(SocketChannel channel, ProxyHeader header) throws IOException {
            if (hostFails instanceof IOException) {
                throw (IOException) hostFails;
            } else if (hostFails instanceof Error) {
                throw (Error) hostFails;
            }
            admitted.add(channel);
        }
    };

    private static Listener at(int port) {
        return Listener.at(new InetSocketAddress(port)).withBacklog(100);
    }

    private ListenerSockets open(Listener... listeners) throws IOException {
        Loop loop = new Loop(
                (delay, task) -> {
                    throw new AssertionError("a timer that is lost when it finds no memory");
                },
                (delay, task) -> {
                    pauses.add(delay);
                    retry = task;
                    return () -> {
                        retry = null;
                        return true;
                    };
                },
                Runnable::run,
                () -> nowNs);
        ServerOptions options = ServerOptions.builder().maxConnections(3).observer(observer).build();
        admission = new Admission(options, MemoryBudget.LEAST_ON_A_LOOP);
        return new ListenerSockets(provider, List.of(listeners), options, admission, loop, host, NOPLogger.NOP_LOGGER);
    }

    private final List<String> told = new ArrayList<>();
    private boolean observerFails;

    private final ServerObserver observer = new ServerObserver() {
        @Override
        public void acceptPaused(Throwable cause, Duration most) {
            tell("paused for " + cause.getMessage() + ", " + most + " at most");
        }

        @Override
        public void acceptResumed(Duration paused) {
            tell("resumed after " + paused);
        }

        private void tell(String what) {
            told.add(what);
            if (observerFails) {
                throw new IllegalStateException("on purpose");
            }
        }
    };

    private void listen() throws IOException {
        sockets = open(at(7), at(8).withBacklog(50));
    }

    private void accept() {
        first.accept.run();
    }

    @AfterEach
    void close() throws IOException {
        for (SocketChannel channel : channels) {
            channel.close();
        }
    }

    private SocketChannel somebody() throws IOException {
        SocketChannel channel = SocketChannel.open();
        channels.add(channel);
        backlog.add(channel);
        return channel;
    }

    @Test
    void pauseDoublesUpToASecondAndBeginsAnewAfterASuccess() throws IOException {
        listen();
        for (int i = 0; i < 10; i++) {
            backlog.add(new IOException("Too many open files"));
            accept();
            assertFalse(listening);
            Runnable due = retry;
            due.run();
            assertTrue(listening);
        }
        assertEquals("[10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000]", pauses.stream().map(Duration::toMillis).toList().toString());
        somebody();
        backlog.add(new IOException("again"));
        accept();
        assertEquals(10, pauses.get(10).toMillis());
        assertEquals(11, counted(Counter.ACCEPT_PAUSES));
        assertEquals(11, counted(Counter.FAILED_ACCEPTS));
        assertEquals(1, admitted.size());
    }

    @Test
    void observerHearsOfPausesAndTheirEnds() throws IOException {
        listen();
        backlog.add(new IOException("Too many open files"));
        accept();
        assertEquals(List.of("paused for Too many open files, PT0.01S at most"), told);
        nowNs += 7_000_000;
        admission.enter();
        admission.leave(null);
        assertEquals(List.of("paused for Too many open files, PT0.01S at most", "resumed after PT0.007S"), told);
    }

    @Test
    @ExpectsLog("the server's observer failed")
    void observerThatThrowsDoesNotEndThePause() throws IOException {
        listen();
        observerFails = true;
        backlog.add(new IOException("Too many open files"));
        accept();
        assertFalse(listening);
        retry.run();
        assertTrue(listening);
        assertEquals(2, told.size());
    }

    @Test
    void connectionThatClosesEndsThePause() throws IOException {
        listen();
        somebody();
        backlog.add(new IOException("Too many open files"));
        accept();
        assertFalse(listening);
        admission.leave(null);
        assertTrue(listening);
        assertEquals(null, retry, "the timer is taken back");
    }

    @Test
    void errorDoesNotKillTheListener() throws IOException {
        listen();
        backlog.add(new OutOfMemoryError("by the test"));
        accept();
        assertFalse(listening);
        retry.run();
        somebody();
        accept();
        assertEquals(1, admitted.size());
    }

    @Test
    void pauseWhoseEndFindsNoMemoryEndsLater() throws IOException {
        listen();
        backlog.add(new IOException("Too many open files"));
        accept();
        lacks = 1;
        assertThrows(OutOfMemoryError.class, retry::run);
        assertFalse(listening);
        retry.run(); // the timer comes again
        assertTrue(listening);
        assertEquals(null, retry, "until it is done");
    }

    @Test
    void connectionThatLeavesWithoutMemoryToGoOnHasLeft() throws IOException {
        listen();
        somebody();
        backlog.add(new IOException("Too many open files"));
        accept();
        lacks = 1;
        admission.leave(null);
        assertEquals(0, admission.open());
        retry.run();
        assertTrue(listening);
    }

    @Test
    void hostThatFailsLosesThatConnectionOnly() throws IOException {
        listen();
        for (Throwable failure : new Throwable[] {new IOException("gone"), new OutOfMemoryError("no thread")}) {
            hostFails = failure;
            SocketChannel unlucky = somebody();
            accept();
            assertFalse(unlucky.isOpen());
            assertTrue(listening, "it is no reason to pause");
        }
        hostFails = null;
        for (int i = 0; i < 3; i++) {
            somebody();
        }
        accept();
        assertEquals(3, admitted.size(), "their places are free again");
        assertEquals(2, counted(Counter.FAILED_ACCEPTS));
    }

    @Test
    void newcomerAboveTheLimitIsClosed() throws IOException {
        listen();
        for (int i = 0; i < 3; i++) {
            somebody();
        }
        SocketChannel fourth = somebody();
        accept();
        assertFalse(fourth.isOpen());
        assertEquals(1, counted(Counter.REFUSED));
        sockets.sendAway(admitted.get(0), new OutOfMemoryError("no thread"));
        assertFalse(admitted.get(0).isOpen());
        assertEquals(2, counted(Counter.REFUSED));
        SocketChannel fifth = somebody();
        accept();
        assertTrue(fifth.isOpen());
    }

    @Test
    void closingServesTheBacklogFirst() throws IOException {
        listen();
        somebody();
        somebody();
        sockets.close();
        assertEquals(2, admitted.size());
        assertFalse(first.isOpen());
        backlog.add(new IOException("late"));
        accept();
        assertTrue(listening, "a closed listener neither pauses nor resumes");
    }

    @Test
    void eachSocketHasItsAddressAndBacklog() throws IOException {
        listen();
        assertEquals(List.of(new InetSocketAddress(7), new InetSocketAddress(8)), sockets.addresses());
        assertEquals(100, first.bound);
        assertEquals(50, second.bound);
    }

    @Test
    void pauseIsOneForAllSockets() throws IOException {
        listen();
        backlog.add(new IOException("Too many open files"));
        second.backlog.add(new IOException("Too many open files"));
        accept();
        second.accept.run(); // was ready in the same turn
        assertFalse(listening || listeningOnSecond);
        assertEquals(1, counted(Counter.ACCEPT_PAUSES));
        assertEquals(1, pauses.size());
        retry.run();
        assertTrue(listening && listeningOnSecond);
    }

    @Test
    void closingServesTheBacklogsOfAllThoughAcceptFailsOnOne() throws IOException {
        listen();
        backlog.add(new IOException("Too many open files"));
        SocketChannel last = SocketChannel.open();
        channels.add(last);
        second.backlog.add(last);
        sockets.close();
        assertEquals(List.of(last), admitted);
        assertFalse(first.isOpen() || second.isOpen());
        assertEquals(0, pauses.size(), "there is nothing to wait for");
    }

    @Test
    void noSocketStaysOpenIfOneCannotBeBound() {
        BindException e = assertThrows(BindException.class, () -> open(at(7), at(TAKEN)));
        assertEquals("0.0.0.0:9: by the test", e.getMessage());
        assertEquals("by the test", e.getCause().getMessage());
        assertFalse(first.isOpen() || second.isOpen());
    }

    @Test
    void noSocketStaysOpenIfOneCannotBeRegistered() {
        registerFails = true;
        assertThrows(IOException.class, () -> open(at(7), at(8)));
        assertFalse(first.isOpen() || second.isOpen());
    }

    @Test
    void newcomersAreLetInAndOthersMakeRoomOnceForAll() throws IOException {
        listen();
        admission.budget().add(() -> admission.budget().limit());
        somebody();
        somebody();
        accept();
        assertEquals(2, admitted.size());
        assertEquals(1, roomsMade);
    }

    @Test
    void serverWithoutAListenerIsRefused() {
        assertThrows(IllegalArgumentException.class, this::open);
    }

    private long counted(Counter counter) {
        ServerStats.Builder stats = ServerStats.builder();
        sockets.addTo(stats);
        return stats.build().get(counter);
    }
}
