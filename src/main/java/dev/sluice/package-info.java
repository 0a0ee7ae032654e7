/**
 * The reactor, the server on it, and what a program sees of them. Start with {@link dev.sluice.Handler} and
 * {@link dev.sluice.reactor.ReactorServer}; {@link dev.sluice.reactor.Reactor} is the loop alone. The engines with threads are in
 * {@code dev.sluice.threads}.
 */
package dev.sluice;
