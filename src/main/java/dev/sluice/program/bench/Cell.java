package dev.sluice.program.bench;

/**
 * A load that every engine is measured with.
 *
 * @param connections open at the same time
 * @param size        bytes of a request
 * @param pipeline    requests in flight on a connection
 */
public record Cell(int connections, int size, int pipeline) {

    @Override
    public String toString() {
        return connections + (connections == 1 ? " connection, " : " connections, ") + size + (size == 1 ? " byte, " : " bytes, ")
                + pipeline + " in flight";
    }
}
