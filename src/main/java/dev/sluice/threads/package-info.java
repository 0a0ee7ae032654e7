/**
 * The blocking engines: the same handlers as on a reactor, or handlers of their own kind, on a thread for each connection, on a
 * pool, or on virtual threads.
 */
package dev.sluice.threads;
