package dev.sluice.internal;

/**
 * What the outbound queues of one thread share.
 *
 * @param wire     the way to the sockets
 * @param chunks   where queued bytes are kept
 * @param counters the thread's, by {@link Count}
 */
public record Outlet(Wire wire, ChunkPool chunks, Counters counters) {}
