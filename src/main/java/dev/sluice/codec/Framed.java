package dev.sluice.codec;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;

/**
 * A handler that gives a {@link FrameHandler} one frame after another. The bytes of an unfinished frame are left unread with the
 * connection, which keeps at most {@link dev.sluice.ServerOptions#maxRemainder} of them: that has to be more than the decoder's maximum.
 *
 * <p>A peer that sends a byte now and then is never idle. So a frame may be given a time from its first byte to its last; if that is over,
 * the connection ends as {@link Connection#inputDeadline} says, with {@link CloseReason.Kind#INPUT_TIMEOUT}.
 */
public final class Framed implements Handler {

    private final Decoder decoder;
    private final FrameHandler handler;

    /** Made once: a frame costs no memory. */
    private final Decoder.Sink sink;

    /** Zero: a frame may take any time. */
    private final Duration timeout;

    private int unfinished;

    /** Whether the rest of a frame has to come in time. */
    private boolean isAwaited;

    private boolean rejected;

    /**
     * Makes the handler of one connection.
     *
     * @param connection the connection
     * @param decoder    finds its frames; connections may share it, each takes its {@linkplain Decoder#forStream own}
     * @param handler    is given the frames
     */
    public Framed(Connection connection, Decoder decoder, FrameHandler handler) {
        this(connection, decoder, handler, Duration.ZERO);
    }

    /**
     * Makes the handler of one connection.
     *
     * @param connection the connection
     * @param decoder    finds its frames; connections may share it, each takes its {@linkplain Decoder#forStream own}
     * @param handler    is given the frames
     * @param timeout    how long a frame may take from its first byte to its last; zero: any time
     */
    public Framed(Connection connection, Decoder decoder, FrameHandler handler, Duration timeout) {
        this.timeout = Objects.requireNonNull(timeout, "timeout");
        this.decoder = decoder.forStream();
        this.handler = handler;
        this.sink = frame -> handler.onFrame(connection, frame);
    }

    @Override
    public void onOpen(Connection connection) throws Exception {
        handler.onOpen(connection);
    }

    @Override
    public void onRead(Connection connection, ByteBuffer in) throws Exception {
        boolean isNew = unfinished == 0;
        while (!rejected && connection.isReading() && decode(connection, in)) {
            isNew = true;
        }
        unfinished = rejected ? 0 : in.remaining();
        boolean isBegun = unfinished > 0 && !timeout.isZero();
        if (isBegun ? isNew : isAwaited) {
            connection.inputDeadline(isBegun ? timeout : Duration.ZERO);
        }
        isAwaited = isBegun;
        if (rejected) {
            in.position(in.limit());
        }
    }

    private boolean decode(Connection connection, ByteBuffer in) throws Exception {
        try {
            return decoder.decode(in, sink);
        } catch (ProtocolException e) {
            rejected = true;
            handler.onReject(connection, e);
            return false;
        }
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
        handler.onEof(connection, unfinished);
    }

    @Override
    public void onClose(Connection connection, CloseReason reason) throws Exception {
        handler.onClose(connection, reason);
    }

    @Override
    public String handlerName() {
        return "Framed " + handler.getClass().getName();
    }
}
