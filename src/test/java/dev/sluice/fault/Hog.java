package dev.sluice.fault;

/**
 * Takes all memory of its JVM down to the last sixteen bytes, and gives it back. Its methods need no memory of their own, so they work
 * when there is none.
 */
final class Hog {

    private static final int LARGEST = 1 << 20;

    /** The header of an array. */
    private static final int HEADER = 16;

    private final Object[] held;
    private int count;

    /** Kept back while the rest is taken, then let go: what there is left to allocate. */
    private byte[] slack;

    private boolean isFull;

    Hog(int most) {
        held = new Object[most];
    }

    /** Takes all but so many bytes, in large pieces first. */
    synchronized void fill(int left) {
        try {
            slack = new byte[left];
        } catch (OutOfMemoryError e) {
            // there is less
        }
        take(LARGEST);
        slack = null;
        isFull = true;
    }

    /** Takes what has become free since, in small pieces. */
    synchronized void refill() {
        if (isFull) {
            take(1 << 12);
        }
    }

    private void take(int largest) {
        for (int size = largest; size >= HEADER; size >>= 1) {
            try {
                while (count < held.length) {
                    held[count] = new byte[size - HEADER];
                    count++;
                }
            } catch (OutOfMemoryError e) {
                // of this size there is none left
            }
        }
    }

    /** Gives all back. */
    synchronized void release() {
        while (count > 0) {
            held[--count] = null;
        }
        isFull = false;
    }

    synchronized boolean isFull() {
        return isFull;
    }
}
