package dev.sluice.program.bench;

/**
 * What a server holds while its connections do nothing.
 *
 * @param engine      as it is written
 * @param connections that are open
 * @param heapBytes   in use after a collection
 * @param rssKb       resident set after that, in KiB, or -1
 * @param threads     or -1
 * @param failure     why there are no figures, or null
 */
public record IdlePoint(String engine, int connections, long heapBytes, long rssKb, int threads, String failure) {}
