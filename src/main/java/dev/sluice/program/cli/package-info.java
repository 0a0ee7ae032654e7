/**
 * The command line of the program {@code sluice}, on picocli: its commands, their flags and converters, the banner and the logs.
 * {@link dev.sluice.program.cli.Main} starts it, {@link dev.sluice.program.cli.Program} is the parser, each {@code *Command} is one
 * command. {@code client}, {@code bench} and {@code service} do the work.
 */
package dev.sluice.program.cli;
