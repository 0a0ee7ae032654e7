package dev.sluice;

import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;

/**
 * One connection, with an outbound queue of its own. Each method names the threads that may call it. <em>The connection's thread</em>
 * is the one that runs a callback or task of it at the moment; on a reactor it is always the same.
 *
 * <p>Three methods end a connection. {@link #close} waits until all output has left and the peer has ended its side.
 * {@link #shutdownOutput} ends our side only. {@link #abort} resets at once. Each keeps its place behind what the calling thread wrote
 * before. On another thread than the connection's, it may take effect a moment after it returned.
 */
public interface Connection {

    /**
     * Any thread. Takes all remaining bytes of {@code data} into the outbound queue and never waits. The caller may reuse the buffer on
     * return. Writes of one thread leave in their order. Many small writes in one callback leave together when the callback returns.
     *
     * <p>A write that would bring the queue above {@link ServerOptions#maxPending} closes the connection
     * ({@link CloseReason.Kind#QUEUE_LIMIT}). After {@code close}, {@code shutdownOutput} or {@code abort} the bytes are discarded and
     * counted. "Written" means taken by the kernel; the peer may not have received it yet.
     *
     * @param data the bytes between position and limit; the position moves to the limit, whatever is returned
     * @return true while more is welcome. False above the high water mark, until {@link Handler#onWritable} is called; and false when the
     *     bytes were discarded. {@link #isOpen} tells the two apart
     */
    boolean write(ByteBuffer data);

    /**
     * Any thread. Ends the connection well. Queued output leaves, then our side ends. Then input is read and discarded until the peer ends
     * its side, for {@link ServerOptions#lingerTimeout} at most. The handler hears nothing more except {@link Handler#onClose}. Does
     * nothing when called again.
     *
     * <p>If work is {@linkplain #offload offloaded}, or there is a {@link #hold}, this begins when the last callback of that work has
     * returned and the last hold is closed. Until then the connection can be written to, and is not read.
     */
    void close();

    /**
     * Any thread. Ends our side once all queued output has left. The peer's bytes still arrive. When the peer has ended its side too, the
     * connection closes.
     */
    void shutdownOutput();

    /**
     * The connection's thread. Keeps {@link #close}, and a server that drains, waiting: an answer is still to come from elsewhere.
     * A connection that is held is not idle ({@link ServerOptions#idleTimeout}). If its server drains, its handler is told by
     * {@link Handler#onEof}. A hold on a connection that has closed, as it has in its last callback, changes nothing.
     *
     * @return the hold; closing it releases the connection
     * @throws IllegalStateException on another thread
     */
    Hold hold();

    /**
     * The connection's thread. Says how much memory the handler holds on behalf of this connection now, beside its output and its unread
     * input: a message of which parts are missing, a batch, what is still to go to others. It replaces what was said before; zero takes it
     * back. When the connection closes, it is forgotten, just before the last callback. Said then, it changes nothing.
     *
     * <p>It counts at once, as output does, against {@link ServerOptions#maxMemory}. From three quarters of that, a connection with more
     * than 1 KiB of it is not read while it is among those that hold most; so a handler that needs more input to let go of it may wait.
     * If all connections together are above the whole, the largest are closed, as by {@link #write}; this one may be among them
     * ({@link CloseReason.Kind#MEMORY}).
     *
     * @param bytes at least 0; about is good enough
     * @throws IllegalArgumentException below 0
     * @throws IllegalStateException    on another thread
     */
    void holdMemory(long bytes);

    /** Any thread. Resets the connection at once. Queued output is discarded. */
    void abort();

    /**
     * Any thread. Runs a task on the connection's thread, one at a time with the handler's callbacks. A task that throws is a handler that
     * throws. The tasks that wait are not bounded: a caller that hands in more than the thread can run has to bound them.
     *
     * @param task runs once; one that is still queued when the connection closes is dropped and counted
     *     ({@link ServerStats.Counter#DROPPED_TASKS})
     * @return false when the connection has closed, as it has in its last callback
     */
    boolean execute(Runnable task);

    /**
     * Any thread. Runs a task on the connection's thread, one at a time with the handler's callbacks, once the kernel has taken all that
     * the calling thread wrote before; at once if it has, but not within this call. Several run in the order in which they were given,
     * and {@link #close} and {@link #shutdownOutput} change nothing. Bytes that {@link #write} discarded are not waited for. As with
     * {@link #execute}, a task that throws is a handler that throws, and tasks that wait are not bounded.
     *
     * <p>If the connection ends before those bytes have left, the task never runs; else it runs before {@link Handler#onClose}. So a task
     * that has not run by then never will, and {@link CloseReason#unsent} is above zero; only one that another thread gave while the
     * connection closed may be dropped besides, and is counted as {@link #execute} counts it.
     *
     * @param task runs once, or never
     * @return false when the connection has closed, as it has in its last callback: then the task is not run
     */
    boolean whenWritten(Runnable task);

    /**
     * The connection's thread. Runs a task there after a delay. A connection that closes cancels its timers. Once it has closed, as it has
     * in its last callback, the task never runs.
     *
     * @param delay how long to wait at least; zero or less means in the next turn
     * @param task  runs once
     * @return the timer, to cancel it
     * @throws IllegalStateException on another thread
     */
    Timer schedule(Duration delay, Runnable task);

    /**
     * The connection's thread. Has a task run on a worker's thread, where it may block, then the callback on the connection's, unless
     * that has closed meanwhile. Callbacks come in the order in which their tasks end. The workers are the server's, at most
     * {@link ServerOptions#offloadThreads} of them. Once the connection has closed, as in its last callback, the task alone is run;
     * the end of the server does not wait for it.
     *
     * @param <T>      what the task makes
     * @param task     what to run; it will be, whatever becomes of the connection
     * @param callback is given the result, or what the task threw, the other being null; is itself a task of the connection
     * @return false if {@link ServerOptions#offloadQueue} tasks wait: then this connection is not read until half of them are gone
     * @throws IllegalStateException on another thread
     */
    <T> boolean offload(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback);

    /**
     * The connection's thread. As {@link #offload}, but for the order: callbacks come in the order in which their tasks were handed in to
     * this method, whatever order the tasks end in. So requests are answered in their order though workers take them side by side. A task that throws
     * keeps its place. {@link ServerOptions#offloadQueue} also bounds the tasks of one connection whose callbacks have not returned:
     * with one more it is not read until half of them have. Their results are forgotten when the connection closes.
     *
     * @param <T>      what the task makes
     * @param task     what to run; it will be, whatever becomes of the connection
     * @param callback is given the result, or what the task threw, the other being null; is itself a task of the connection
     * @return false if so many tasks wait, of all connections or of this one, that this connection is not read
     * @throws IllegalStateException on another thread
     */
    <T> boolean offloadInOrder(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback);

    /**
     * Any thread. Connects out, on the same engine and under the same options, limits and counters; never waits. An attempt that
     * fails is told to its handler by {@link Handler#onClose} with {@link CloseReason.Kind#CONNECT_FAILURE}, without an {@code onOpen}
     * before; so it is, too, at {@link ServerOptions#maxConnections}. A draining server asks such a connection to leave only when those
     * that it accepted have left.
     *
     * @param address where to, by TCP or to a Unix-domain socket; an address that was not resolved fails
     * @param timeout how long to wait for an answer; zero: as long as the system does
     * @param factory makes the handler, just before its first callback
     * @return false if this connection has closed, as it has in its last callback; then nothing is attempted, and no callback comes
     */
    boolean connect(SocketAddress address, Duration timeout, Handler.Factory factory);

    /**
     * The connection's thread. Stops reading, from the next callback on; the peer's bytes wait in the kernel, but for what
     * a read that blocks had asked for: at most 8 KiB.
     *
     * @throws IllegalStateException on another thread
     */
    void pauseReading();

    /**
     * The connection's thread. Reads again, and first offers what {@link Handler#onRead} had left unread.
     *
     * @throws IllegalStateException on another thread
     */
    void resumeReading();

    /**
     * The connection's thread. The peer has so long to send what the handler waits for, such as the rest of a message of which it has
     * left the beginning unread; then the connection ends with {@link CloseReason.Kind#INPUT_TIMEOUT}. Bytes that come do not prolong it, only
     * another call changes it: that begins the time anew, or, with zero, ends it. Time in which the connection is not {@linkplain #isReading
     * read} does not count; while work is offloaded or it is held, it does not end, and the time begins anew after that. On threads it does not
     * end while the handler runs. A deadline costs no timer: it may be set for each message. {@code Framed} does it for frames. In the last
     * callback this does nothing.
     *
     * @param limit how long; zero: there is no deadline any more
     * @throws IllegalStateException on another thread
     */
    void inputDeadline(Duration limit);

    /**
     * The connection's thread.
     *
     * @return whether more of the peer's bytes are welcome: true from the beginning, and false
     *     <ul>
     *       <li>between {@link #pauseReading} and {@link #resumeReading};
     *       <li>while output above the high water mark waits, unless {@link Handler#readsWhileOutputWaits};
     *       <li>while the server's memory is short and this connection holds a part of it;
     *       <li>while {@link #offload} has no room;
     *       <li>from {@link Handler#onEof} on, from {@link #close} on, and once the connection has ended. Neither
     *           {@link #shutdownOutput} nor a drain that waits for the handler changes it.
     *     </ul>
     *     A handler that leaves bytes unread because of it is offered them again as soon as they are welcome
     * @throws IllegalStateException on another thread
     */
    boolean isReading();

    /**
     * Any thread.
     *
     * @return true until the connection is closed, aborted or lost; after {@code shutdownOutput} it is still open
     */
    boolean isOpen();

    /**
     * Any thread.
     *
     * @return bytes accepted by {@code write} that the kernel has not taken yet; of a call that blocks, the kernel tells
     *     when it returns, so that on threads up to 16 KiB may have left already
     */
    long pending();

    /**
     * Any thread, also after the close.
     *
     * @return the peer's address, never looked up by name; of a client of a Unix-domain socket, one with an empty path; behind a proxy the
     *     client's, as the {@linkplain #proxyHeader PROXY header} tells it, and the proxy's where it does not
     */
    SocketAddress remoteAddress();

    /**
     * Any thread, also after the close.
     *
     * @return our own address; behind a proxy where the client connected to, as the {@linkplain #proxyHeader PROXY header} tells it; null
     *     for an outbound connection that could not be made
     */
    SocketAddress localAddress();

    /**
     * Any thread, also after the close. A proxy that made the connection for itself, to see whether the server is well, says so:
     * {@link ProxyHeader#isLocal}. A handler then closes the connection, and tells nobody that it was there.
     *
     * @return what the proxy said when it connected; empty for a client that came directly, and for outbound connections
     */
    Optional<ProxyHeader> proxyHeader();

    /**
     * Any thread, also after the close. Names the connection in logs, in reports and to the flight recorder.
     *
     * @return a number, at least 1, that no other connection of its server has: all of its loops and its outbound connections count
     *     together, up to 2^40, about 10^12
     */
    long id();
}
