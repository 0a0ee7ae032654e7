package dev.sluice.simulation;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.function.Consumer;

/**
 * A client in a {@link SimulatedNetwork}, held by the test. It takes bytes as they come, unless it is paused, and sends as
 * there is room. Belongs to the reactor's thread.
 */
public final class Peer {

    private final SimulatedNetwork network;
    private final InetSocketAddress address;
    private final InetSocketAddress server;
    private final ByteArrayOutputStream received = new ByteArrayOutputStream();
    private final ByteBuffer buffer = ByteBuffer.allocate(16 << 10);
    private ByteBuffer unsent = ByteBuffer.allocate(0);
    private Consumer<byte[]> whenReceived = bytes -> {};
    private SimulatedSocket socket;
    private boolean paused;
    private boolean ends;
    private boolean ended;
    private boolean reset;
    private boolean portIsFree;

    Peer(SimulatedNetwork network, InetSocketAddress address, InetSocketAddress server) {
        this.network = network;
        this.address = address;
        this.server = server;
    }

    /** The server's end of this connection, made when it is offered to a listener. */
    SimulatedSocket meet(InetSocketAddress server) {
        socket = new SimulatedSocket(network, server, address, this);
        push();
        return socket;
    }

    /**
     * Its address.
     *
     * @return the address that the server sees
     */
    public InetSocketAddress address() {
        return address;
    }

    /**
     * Sends bytes, as soon as there is room for them.
     *
     * @param bytes are copied
     */
    public void send(byte[] bytes) {
        ByteBuffer all = ByteBuffer.allocate(unsent.remaining() + bytes.length);
        unsent = all.put(unsent).put(bytes).flip();
        push();
    }

    /** Ends its side once all is sent. */
    public void end() {
        ends = true;
        push();
    }

    /** Resets the connection. */
    public void reset() {
        if (!reset) {
            reset = true;
            if (socket != null) {
                socket.lost();
            }
            freePortIfOver();
        }
    }

    /** Stops taking bytes. */
    public void pause() {
        paused = true;
    }

    /** Takes bytes again. */
    public void resume() {
        paused = false;
        take();
    }

    /**
     * Sets a listener, which is told of each piece that comes.
     *
     * @param listener called within a select
     */
    public void onReceived(Consumer<byte[]> listener) {
        whenReceived = listener;
    }

    /**
     * The bytes that have come.
     *
     * @return all bytes, as a copy
     */
    public byte[] received() {
        return received.toByteArray();
    }

    /**
     * Whether the server ended its side well, after all that came.
     *
     * @return true once it has
     */
    public boolean isEnded() {
        return ended;
    }

    /**
     * Whether the connection was reset or refused.
     *
     * @return true once it is
     */
    public boolean isReset() {
        return reset;
    }

    /** Sends as many bytes as there is room for. */
    void push() {
        if (socket == null || reset) {
            return;
        }
        socket.toServer.send(unsent);
        if (ends && !unsent.hasRemaining()) {
            socket.toServer.sendEnd();
        }
    }

    /** Takes the bytes that have arrived. */
    void take() {
        if (paused || reset) {
            return;
        }
        for (int read; (read = socket.toPeer.receive(buffer.clear())) != 0; ) {
            if (read < 0) {
                ended = true;
                freePortIfOver();
                return;
            }
            byte[] bytes = new byte[read];
            buffer.flip().get(bytes);
            received.writeBytes(bytes);
            whenReceived.accept(bytes);
        }
    }

    void refused() {
        reset = true;
        freePortIfOver();
    }

    /** Either end may be the last to learn that the connection is over: then another may be made from the same port. */
    void freePortIfOver() {
        if ((ended || reset) && !portIsFree && (socket == null || !socket.isOpen())) {
            portIsFree = true;
            network.ports.disconnect(address.getPort(), server.getPort());
        }
    }

    /** Turns the result of a read into an exception, as a socket would. */
    IOException asReset() {
        return new IOException("Connection reset (simulated)");
    }
}
