package dev.sluice.threads.stepping;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;

/**
 * One connection as its peer sees it: what is on its way to the server, and what the server's kernel has taken for the peer. The
 * peer's calls are no steps.
 */
public final class Line {

    /** Bytes on their way, from the first to the last. */
    private static final class Bytes {
        private byte[] kept = new byte[64];
        private int from;
        private int to;

        int size() {
            return to - from;
        }

        void put(ByteBuffer data, int length) {
            if (kept.length - to < length) {
                byte[] larger = size() + length > kept.length ? new byte[Math.max(2 * kept.length, size() + length)] : kept;
                System.arraycopy(kept, from, larger, 0, size());
                to -= from;
                from = 0;
                kept = larger;
            }
            data.get(kept, to, length);
            to += length;
        }

        void get(ByteBuffer into, int length) {
            into.put(kept, from, length);
            from += length;
        }
    }

    /** The peer's address. */
    public final InetSocketAddress peer;

    private final Bytes toServer = new Bytes();
    private final Bytes toPeer = new Bytes();
    private final int room;
    final boolean writesWhole;
    boolean peerEnded;
    boolean reset;
    boolean ended;
    boolean resetsOnClose;
    boolean closed;
    boolean accepted;
    boolean endWasRead;
    private long taken;
    private int read;
    private int readBeforeEnd = Integer.MAX_VALUE;
    long readNs;
    long takenNs;
    long endedNs = Stepper.NEVER;
    long closedNs = Stepper.NEVER;
    int readers;
    int writers;

    /** One whose server's end takes so many bytes before it waits, and returns from a write when all are taken, or some. */
    Line(InetSocketAddress peer, int room, boolean writesWhole) {
        this.peer = peer;
        this.room = room;
        this.writesWhole = writesWhole;
    }

    // ---- the peer -----------------------------------------------------------------------------------------------------------

    /** Sends bytes, as many as there are. */
    public void send(ByteBuffer data) {
        toServer.put(data, data.remaining());
    }

    /** Ends the peer's side. */
    public void end() {
        peerEnded = true;
    }

    /** Resets the connection: what is on its way to the peer is lost. */
    public void reset() {
        reset = true;
    }

    /** Accepts a connect. */
    public void accept(long nowNs) {
        accepted = true;
        readNs = nowNs;
        takenNs = nowNs;
    }

    /** Takes what has come, as much as there is room for. */
    public void take(ByteBuffer into) {
        toPeer.get(into, Math.min(into.remaining(), toPeer.size()));
    }

    /** Bytes that the peer can take. */
    public int forPeer() {
        return toPeer.size();
    }

    /** Bytes that the server has not read. */
    public int forServer() {
        return toServer.size();
    }

    /** Whether the server ended its side, and the peer has all that was before the end. */
    public boolean isAtItsEnd() {
        return ended && toPeer.size() == 0;
    }

    /** Whether the server ended its side, for the peer to see behind the bytes. */
    public boolean isEnded() {
        return ended;
    }

    /** Whether the connection was reset, by either side. */
    public boolean isReset() {
        return reset;
    }

    /** Whether the server's socket is closed. */
    public boolean isClosed() {
        return closed;
    }

    /** Whether the server has a socket for it. */
    public boolean isAccepted() {
        return accepted;
    }

    /** Whether the server's socket would take bytes at once. */
    public boolean hasRoom() {
        return !closed && !reset && !ended && room() > 0;
    }

    /** Whether the server has read the peer's end. */
    public boolean isEndRead() {
        return endWasRead;
    }

    /** Whether the server's socket has something to tell a reader. */
    public boolean isReadable() {
        return !closed && (reset || toServer.size() > 0 || peerEnded && !endWasRead);
    }

    /** When the server last read bytes; before its connection was there, that is when it came. */
    public long readNs() {
        return readNs;
    }

    /** When the server's kernel last took bytes. */
    public long takenNs() {
        return takenNs;
    }

    /** When the server ended its side. */
    public long endedNs() {
        return endedNs;
    }

    /** When the server closed its socket. */
    public long closedNs() {
        return closedNs;
    }

    /** Bytes that the server had read when it ended its side. */
    public int readBeforeEnd() {
        return Math.min(read, readBeforeEnd);
    }

    /** Bytes that the server's kernel has taken from it. */
    public long taken() {
        return taken;
    }

    /** Whether a thread is in a read of it. */
    public boolean isBeingRead() {
        return readers > 0;
    }

    /** Whether a write to it returns only when all is taken. */
    public boolean isWrittenWhole() {
        return writesWhole;
    }

    /** Whether a thread is in a write to it. */
    public boolean isBeingWritten() {
        return writers > 0;
    }

    // ---- the server's socket ------------------------------------------------------------------------------------------------

    void giveUp() {
        reset = true;
        closed = true;
    }

    void end(long nowNs) {
        ended = true;
        endedNs = nowNs;
        readBeforeEnd = Math.min(read, readBeforeEnd);
    }

    int room() {
        return room - toPeer.size();
    }

    int read(ByteBuffer into, long nowNs) {
        readNs = nowNs;
        int length = Math.min(into.remaining(), toServer.size());
        toServer.get(into, length);
        read += length;
        return length;
    }

    int write(ByteBuffer from, long nowNs) {
        takenNs = nowNs;
        int length = Math.min(from.remaining(), room());
        taken += length;
        toPeer.put(from, length);
        return length;
    }

    void close(long nowNs) {
        closed = true;
        closedNs = nowNs;
        if (resetsOnClose || toServer.size() > 0) {
            reset = true;
        } else if (!ended) {
            end(nowNs);
        }
    }
}
