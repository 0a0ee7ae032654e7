/**
 * A simulated network, to test handlers with: sockets in memory, a clock that jumps from event to event, and faults from a
 * seed, on which a {@link dev.sluice.reactor.Reactor} runs unchanged. Hours pass in seconds, and a run can be repeated exactly.
 */
package dev.sluice.simulation;
