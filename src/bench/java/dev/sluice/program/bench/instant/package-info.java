/** Channels without a kernel, which give and take at once, and the cost of a request between them. */
package dev.sluice.program.bench.instant;
