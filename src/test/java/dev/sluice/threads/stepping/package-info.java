/**
 * A kit that runs threads one step at a time, in an order that a seed decides, thousands of orders a second, and says what goes wrong
 * in which. {@link dev.sluice.threads.stepping.Stepper} runs them, {@link dev.sluice.threads.stepping.Schedule} decides; locks,
 * threads and sockets that ask before each step are here, too, for what has seams to put them in.
 *
 * <p>A step is one call of a socket, one acquisition or release of a lock, one wait, one signal, one start of a thread, one look at the
 * clock. What a thread does between two steps no other thread sees by halves: so races of volatile fields are found where a step lies
 * between their halves, and what a processor may reorder is not.
 */
package dev.sluice.threads.stepping;
