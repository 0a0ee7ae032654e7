package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.helpers.NOPLogger;

/** A listener whose accept fails as the test says, on a clock that the test moves. */
class ListenerSocketTest {

    private final ArrayDeque<Object> backlog = new ArrayDeque<>();
    private final List<SocketChannel> channels = new ArrayList<>();
    private final List<SocketChannel> admitted = new ArrayList<>();
    private final List<Duration> pauses = new ArrayList<>();
    private Runnable retry;
    private boolean listening = true;
    private boolean closed;
    private Throwable hostFails;
    private long nowNs;
    private Admission admission;
    private ListenerSocket listener;

    /** Gives the backlog's channels, throws its throwables, and null when it is empty. */
    private final class Scripted extends ServerSocketChannel {
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
        public ServerSocketChannel bind(SocketAddress local, int backlog) {
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
            return new InetSocketAddress(7);
        }

        @Override
        protected void implCloseSelectableChannel() {
            closed = true;
        }

        @Override
        protected void implConfigureBlocking(boolean block) {}
    }

    @BeforeEach
    void listen() throws IOException {
        Loop loop = new Loop(
                (delay, task) -> {
                    pauses.add(delay);
                    retry = task;
                    return () -> retry = null;
                },
                Runnable::run,
                () -> nowNs);
        ListenerSocket.Host host = new ListenerSocket.Host() {
            @Override
            public void listen(boolean wanted) {
                listening = wanted;
            }

            @Override
            public void admitted(SocketChannel channel) throws IOException {
                if (hostFails instanceof IOException) {
                    throw (IOException) hostFails;
                } else if (hostFails instanceof Error) {
                    throw (Error) hostFails;
                }
                admitted.add(channel);
            }
        };
        ServerOptions options = ServerOptions.builder().backlog(100).maxConnections(3).build();
        admission = new Admission(options);
        listener = new ListenerSocket(new Scripted(), new InetSocketAddress(7), options, admission, loop, host, NOPLogger.NOP_LOGGER);
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
        for (int i = 0; i < 10; i++) {
            backlog.add(new IOException("Too many open files"));
            listener.accept();
            assertFalse(listening);
            Runnable due = retry;
            due.run();
            assertTrue(listening);
        }
        assertEquals("[10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000]", pauses.stream().map(Duration::toMillis).toList().toString());
        somebody();
        backlog.add(new IOException("again"));
        listener.accept();
        assertEquals(10, pauses.get(10).toMillis());
        assertEquals(11, counted(Counter.ACCEPT_PAUSES));
        assertEquals(11, counted(Counter.FAILED_ACCEPTS));
        assertEquals(1, admitted.size());
    }

    @Test
    void connectionThatClosesEndsThePause() throws IOException {
        somebody();
        backlog.add(new IOException("Too many open files"));
        listener.accept();
        assertFalse(listening);
        admission.leave();
        assertTrue(listening);
        assertEquals(null, retry, "the timer is taken back");
    }

    @Test
    void errorDoesNotKillTheListener() throws IOException {
        backlog.add(new OutOfMemoryError("by the test"));
        listener.accept();
        assertFalse(listening);
        retry.run();
        somebody();
        listener.accept();
        assertEquals(1, admitted.size());
    }

    @Test
    void hostThatFailsLosesThatConnectionOnly() throws IOException {
        for (Throwable failure : new Throwable[] {new IOException("gone"), new OutOfMemoryError("no thread")}) {
            hostFails = failure;
            SocketChannel unlucky = somebody();
            listener.accept();
            assertFalse(unlucky.isOpen());
            assertTrue(listening, "it is no reason to pause");
        }
        hostFails = null;
        for (int i = 0; i < 3; i++) {
            somebody();
        }
        listener.accept();
        assertEquals(3, admitted.size(), "their places are free again");
        assertEquals(2, counted(Counter.FAILED_ACCEPTS));
    }

    @Test
    void newcomerAboveTheLimitIsClosed() throws IOException {
        for (int i = 0; i < 3; i++) {
            somebody();
        }
        SocketChannel fourth = somebody();
        listener.accept();
        assertFalse(fourth.isOpen());
        assertEquals(1, counted(Counter.REFUSED));
        listener.sendAway(admitted.get(0), new OutOfMemoryError("no thread"));
        assertFalse(admitted.get(0).isOpen());
        assertEquals(2, counted(Counter.REFUSED));
        SocketChannel fifth = somebody();
        listener.accept();
        assertTrue(fifth.isOpen());
    }

    @Test
    void closingServesTheBacklogFirst() throws IOException {
        somebody();
        somebody();
        listener.close();
        assertEquals(2, admitted.size());
        assertTrue(closed);
        backlog.add(new IOException("late"));
        listener.accept();
        assertTrue(listening, "a closed listener neither pauses nor resumes");
    }

    private long counted(Counter counter) {
        ServerStats.Builder stats = ServerStats.builder();
        listener.addTo(stats);
        return stats.build().get(counter);
    }
}
