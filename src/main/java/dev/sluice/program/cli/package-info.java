/**
 * The program {@code sluice}: its commands, on picocli; not exported. {@link dev.sluice.program.cli.Main} starts it,
 * {@link dev.sluice.program.cli.Program} is the command line, each {@code *Command} one command.
 */
package dev.sluice.program.cli;
