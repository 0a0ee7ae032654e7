/** The kernel taken out: channels that give and take at once, and what a request costs between them. */
package dev.sluice.program.bench.instant;
