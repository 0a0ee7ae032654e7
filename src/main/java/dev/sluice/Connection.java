package dev.sluice;

import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;

/**
 * One connection, with an outbound queue of its own. Each method names the threads that may call it; <em>the
 * connection's thread</em> is the one that is running a callback or task of it: on a reactor always the same.
 *
 * <p>There are three words for the end: {@link #close} lets queued output leave and waits for the peer's end,
 * {@link #shutdownOutput} ends our side only, {@link #abort} resets at once. Called on another thread than the connection's,
 * each keeps its place behind what that thread wrote before, and may take effect a moment after it returned.
 */
public interface Connection {

    /**
     * Any thread. Takes all remaining bytes of {@code data} into the outbound queue and never waits; the caller may
     * reuse the buffer on return. Writes of one thread leave in their order. Many small writes in one callback leave
     * together when the callback returns.
     *
     * <p>A write that would bring the queue above {@link ServerOptions#maxPending} closes the connection
     * ({@link CloseReason.Kind#QUEUE_LIMIT}). After {@code close}, {@code shutdownOutput} or {@code abort} the bytes
     * are counted as discarded. "Written" means taken by the kernel, which is less than received by the peer.
     *
     * @param data the bytes between position and limit; the position moves to the limit, whatever is returned
     * @return true while more is welcome; false above the high water mark ({@link Handler#onWritable} says when to go
     *     on), and false when the bytes were discarded ({@link #isOpen} tells the two apart)
     */
    boolean write(ByteBuffer data);

    /**
     * Any thread. Ends the connection well: what is queued leaves, then our end is told to the peer, then its
     * remaining input is read and discarded until it ends its side or {@link ServerOptions#lingerTimeout} is over. The
     * handler hears nothing more except {@link Handler#onClose}. Does nothing when called again.
     */
    void close();

    /**
     * Any thread. Ends our side once what is queued has left; the peer's bytes still arrive. When the peer has ended
     * its side too, the connection closes.
     */
    void shutdownOutput();

    /** Any thread. Resets the connection at once; what is queued is discarded. */
    void abort();

    /**
     * Any thread. Runs a task on the connection's thread, one at a time with the handler's callbacks; a task that
     * throws is a handler that throws. Tasks that wait are not bounded: whoever hands in more than the thread can run has
     * to bound them.
     *
     * @param task what to run
     * @return false when the connection has closed; tasks still queued when it closes are dropped and counted
     */
    boolean execute(Runnable task);

    /**
     * The connection's thread. Runs a task there after a delay; a connection that closes cancels its timers.
     *
     * @param delay how long to wait at least; zero or less means in the next turn
     * @param task  what to run
     * @return the timer, to cancel it
     * @throws IllegalStateException on another thread
     */
    Timer schedule(Duration delay, Runnable task);

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
     * @return the peer's address, never looked up by name
     */
    SocketAddress remoteAddress();
}
