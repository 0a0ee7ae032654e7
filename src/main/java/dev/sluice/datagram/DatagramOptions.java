package dev.sluice.datagram;

/**
 * How an endpoint behaves: an immutable value.
 *
 * @param maxSize       bytes of the longest datagram that is handled
 * @param maxQueued     bytes that may wait to be sent, above which a datagram is dropped
 * @param sendBuffer    SO_SNDBUF; 0 leaves it to the kernel
 * @param receiveBuffer SO_RCVBUF; 0 leaves it to the kernel
 */
public record DatagramOptions(int maxSize, int maxQueued, int sendBuffer, int receiveBuffer) {

    private static final int GIB = 1 << 30;

    /**
     * Checks every value.
     *
     * @param maxSize       0 to {@link DatagramEndpoint#LONGEST}
     * @param maxQueued     0 to 1 GiB
     * @param sendBuffer    0 to 1 GiB
     * @param receiveBuffer 0 to 1 GiB
     * @throws IllegalArgumentException naming the option, its range and what was given
     */
    public DatagramOptions {
        within("maxSize", maxSize, DatagramEndpoint.LONGEST);
        within("maxQueued", maxQueued, GIB);
        within("sendBuffer", sendBuffer, GIB);
        within("receiveBuffer", receiveBuffer, GIB);
    }

    private static void within(String option, int value, int most) {
        if (value < 0 || value > most) {
            throw new IllegalArgumentException(option + " must be between 0 and " + most + ", was " + value);
        }
    }

    /**
     * Every default: datagrams of any length, a queue of 1 MiB, the kernel's buffers.
     *
     * @return the options of an endpoint that was told nothing
     */
    public static DatagramOptions defaults() {
        return new DatagramOptions(DatagramEndpoint.LONGEST, 1 << 20, 0, 0);
    }
}
