package dev.sluice.simulation;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/** One direction of a simulated connection: bytes on their way, then bytes that have arrived, then the end. */
final class Direction {

    private final SimulatedNetwork network;
    private final Runnable whenArrived;
    private final Runnable whenRoom;
    private final ArrayDeque<ByteBuffer> arrived = new ArrayDeque<>();
    private int held;
    private long lastNs;
    private boolean endSent;
    private boolean ended;

    /** Makes an empty one; the receiver is told of arrivals, the sender of room. */
    Direction(SimulatedNetwork network, Runnable whenArrived, Runnable whenRoom) {
        this.network = network;
        this.whenArrived = whenArrived;
        this.whenRoom = whenRoom;
    }

    int room() {
        return network.conditions.buffer() - held;
    }

    /** Takes as many bytes as there is room for, in segments as the seed says; returns how many. */
    int send(ByteBuffer from) {
        int taken = 0;
        while (from.hasRemaining() && room() > 0) {
            int segment = 1 + network.random.nextInt(network.conditions.segment());
            int length = Math.min(Math.min(segment, room()), from.remaining());
            byte[] bytes = new byte[length];
            from.get(bytes);
            held += length;
            taken += length;
            travel(() -> {
                arrived.add(ByteBuffer.wrap(bytes));
                whenArrived.run();
            });
        }
        return taken;
    }

    void sendEnd() {
        if (!endSent) {
            endSent = true;
            travel(() -> {
                ended = true;
                whenArrived.run();
            });
        }
    }

    /** In the order of sending, whatever the delays. */
    void travel(Runnable arrival) {
        lastNs = Math.max(lastNs, network.nowNs() + network.delayNs());
        network.in(lastNs - network.nowNs(), arrival);
    }

    boolean hasBytes() {
        return !arrived.isEmpty();
    }

    int available() {
        return arrived.stream().mapToInt(ByteBuffer::remaining).sum();
    }

    boolean isAtItsEnd() {
        return ended && arrived.isEmpty();
    }

    /** Gives bytes that have arrived, from one segment or more; returns how many, or -1 at the end. */
    int receive(ByteBuffer into) {
        if (isAtItsEnd()) {
            return -1;
        }
        int given = 0;
        while (into.hasRemaining() && !arrived.isEmpty()) {
            ByteBuffer first = arrived.peek();
            int length = Math.min(first.remaining(), into.remaining());
            into.put(into.position(), first, first.position(), length).position(into.position() + length);
            first.position(first.position() + length);
            given += length;
            if (!first.hasRemaining()) {
                arrived.poll();
            }
        }
        if (given > 0) {
            held -= given;
            travelBack();
        }
        return given;
    }

    /** The sender learns of room when an acknowledgement has travelled. */
    private void travelBack() {
        network.in(network.delayNs(), whenRoom);
    }
}
