/** Shared by the tests: the run's seed, its log, figures of the machine, and what Linux alone can tell. */
package dev.sluice.harness;
