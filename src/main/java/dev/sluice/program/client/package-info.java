/**
 * The client side of the program: one connection or UDP socket, driven by a person ({@link dev.sluice.program.client.Conversation}), by standard
 * input ({@link dev.sluice.program.client.Pipe}, {@link dev.sluice.program.client.Datagrams}) or by texts on the command line
 * ({@link dev.sluice.program.client.Exchange}). It knows nothing of the command line's parser.
 */
package dev.sluice.program.client;
