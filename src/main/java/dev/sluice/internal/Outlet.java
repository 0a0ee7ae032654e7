package dev.sluice.internal;

/**
 * The part that the outbound queues of one thread share.
 *
 * @param socketIo the way to the sockets
 * @param chunks   where queued bytes are kept
 * @param counters of the thread's connections
 */
public record Outlet(SocketIo socketIo, ChunkPool chunks, Counters counters) {}
