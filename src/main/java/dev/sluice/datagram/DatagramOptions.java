package dev.sluice.datagram;

import dev.sluice.InvalidOption;
import java.util.Objects;

/** The options of an endpoint: an immutable value, made by a {@link Builder}. Sizes are in bytes. Every option has a default. */
public final class DatagramOptions {

    private static final int GIB = 1 << 30;

    private final int maxSize;
    private final int maxQueued;
    private final int sendBuffer;
    private final int receiveBuffer;

    private DatagramOptions(Builder from) {
        this.maxSize = InvalidOption.within("maxSize", from.maxSize, 0, DatagramEndpoint.LONGEST);
        this.maxQueued = InvalidOption.within("maxQueued", from.maxQueued, 0, GIB);
        this.sendBuffer = InvalidOption.within("sendBuffer", from.sendBuffer, 0, GIB);
        this.receiveBuffer = InvalidOption.within("receiveBuffer", from.receiveBuffer, 0, GIB);
    }

    /**
     * Every default.
     *
     * @return the options of an endpoint for which none was set
     */
    public static DatagramOptions defaults() {
        return builder().build();
    }

    /**
     * Starts from the defaults.
     *
     * @return a new builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Starts from these options.
     *
     * @return a new builder
     */
    public Builder toBuilder() {
        return builder().maxSize(maxSize).maxQueued(maxQueued).sendBuffer(sendBuffer).receiveBuffer(receiveBuffer);
    }

    /**
     * The longest datagram that is handled. Default: {@link DatagramEndpoint#LONGEST}, so all of them.
     *
     * @return bytes
     */
    public int maxSize() {
        return maxSize;
    }

    /**
     * Bytes that may wait to be sent, above which a datagram is dropped. Each datagram counts as 128 bytes more than it has. Default: 1 MiB.
     *
     * @return bytes
     */
    public int maxQueued() {
        return maxQueued;
    }

    /**
     * SO_SNDBUF. Default: the kernel's choice.
     *
     * @return bytes; 0: the kernel's choice
     */
    public int sendBuffer() {
        return sendBuffer;
    }

    /**
     * SO_RCVBUF. Default: the kernel's choice.
     *
     * @return bytes; 0: the kernel's choice
     */
    public int receiveBuffer() {
        return receiveBuffer;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof DatagramOptions options
                && maxSize == options.maxSize
                && maxQueued == options.maxQueued
                && sendBuffer == options.sendBuffer
                && receiveBuffer == options.receiveBuffer;
    }

    @Override
    public int hashCode() {
        return Objects.hash(maxSize, maxQueued, sendBuffer, receiveBuffer);
    }

    @Override
    public String toString() {
        return "DatagramOptions[maxSize=" + maxSize + ", maxQueued=" + maxQueued + ", sendBuffer=" + sendBuffer
                + ", receiveBuffer=" + receiveBuffer + "]";
    }

    /** Collects options; {@link #build} checks them. Not thread-safe. */
    public static final class Builder {
        private int maxSize = DatagramEndpoint.LONGEST;
        private int maxQueued = 1 << 20;
        private int sendBuffer;
        private int receiveBuffer;

        private Builder() {}

        /**
         * {@link DatagramOptions#maxSize}.
         *
         * @param bytes from 0 to {@link DatagramEndpoint#LONGEST}
         * @return this
         */
        public Builder maxSize(int bytes) {
            maxSize = bytes;
            return this;
        }

        /**
         * {@link DatagramOptions#maxQueued}.
         *
         * @param bytes up to 1 GiB; 0: a datagram that cannot be sent at once is dropped
         * @return this
         */
        public Builder maxQueued(int bytes) {
            maxQueued = bytes;
            return this;
        }

        /**
         * {@link DatagramOptions#sendBuffer}.
         *
         * @param bytes up to 1 GiB; 0: the kernel's choice
         * @return this
         */
        public Builder sendBuffer(int bytes) {
            sendBuffer = bytes;
            return this;
        }

        /**
         * {@link DatagramOptions#receiveBuffer}.
         *
         * @param bytes up to 1 GiB; 0: the kernel's choice
         * @return this
         */
        public Builder receiveBuffer(int bytes) {
            receiveBuffer = bytes;
            return this;
        }

        /**
         * Checks and makes the value.
         *
         * @return the options
         * @throws InvalidOption naming the first bad option, its range and the value
         */
        public DatagramOptions build() {
            return new DatagramOptions(this);
        }
    }
}
