package dev.sluice.program.bench;

/**
 * The memory of a server while its connections are idle.
 *
 * @param engine      as it is written
 * @param connections that are open
 * @param heapBytes   in use after a collection
 * @param rssKb       resident set after that, in KiB, or -1
 * @param threads     or -1
 * @param failure     the reason why there are no figures, or null
 */
public record IdlePoint(String engine, int connections, long heapBytes, long rssKb, int threads, String failure) {}
