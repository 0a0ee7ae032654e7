/**
 * The benchmark: a load generator on the library's own reactor, and a comparison of engines in processes of their own. A part of
 * the program, not of the library's jar.
 */
package dev.sluice.program.bench;
