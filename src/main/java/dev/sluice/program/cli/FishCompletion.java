package dev.sluice.program.cli;

import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** A completion script for fish, which picocli lacks: one {@code complete} for each command, option and argument. */
final class FishCompletion {

    private final StringBuilder script = new StringBuilder();
    private final String program;

    private FishCompletion(String program) {
        this.program = program;
    }

    static String script(String program, CommandLine root) {
        FishCompletion fish = new FishCompletion(program);
        fish.script.append("# fish completion for ").append(program).append("\n");
        fish.line("", "-f"); // files only where an option takes one
        for (OptionSpec option : root.getCommandSpec().options()) {
            fish.option("__fish_use_subcommand", option);
        }
        root.getSubcommands().forEach((name, command) -> fish.command(name, command.getCommandSpec()));
        return fish.script.toString();
    }

    private void command(String name, CommandSpec spec) {
        String[] description = spec.usageMessage().description();
        line("__fish_use_subcommand", "-a " + quoted(name) + " -d " + quoted(description.length == 0 ? "" : firstSentence(description[0])));
        String here = "__fish_seen_subcommand_from " + name;
        for (OptionSpec option : spec.options()) {
            if (!option.hidden()) {
                option(here, option);
            }
        }
        for (PositionalParamSpec argument : spec.positionalParameters()) {
            if (argument.completionCandidates() != null) {
                line(here, "-a " + quoted(words(argument)));
            }
        }
    }

    private void option(String condition, OptionSpec option) {
        StringBuilder arguments = new StringBuilder();
        for (String name : option.names()) {
            arguments.append(arguments.length() == 0 ? "" : " ");
            arguments.append(name.startsWith("--") ? "-l " : "-s ").append(name.startsWith("--") ? name.substring(2) : name.substring(1));
        }
        if (option.arity().max() > 0) {
            arguments.append(option.type() == java.nio.file.Path.class ? " -r -F" : " -x");
            if (option.completionCandidates() != null) {
                arguments.append(" -a ").append(quoted(words(option)));
            }
        }
        String[] description = option.description();
        line(condition, arguments + " -d " + quoted(description.length == 0 ? "" : firstSentence(description[0])));
    }

    private void line(String condition, String arguments) {
        script.append("complete -c ").append(program);
        script.append(condition.isEmpty() ? "" : " -n " + quoted(condition)).append(' ').append(arguments).append('\n');
    }

    private static String words(ArgSpec argument) {
        return String.join(" ", argument.completionCandidates());
    }

    private static String firstSentence(String text) {
        int end = text.indexOf(". ");
        String sentence = end < 0 ? text : text.substring(0, end);
        int candidates = sentence.indexOf(": ${");
        return candidates < 0 ? sentence : sentence.substring(0, candidates);
    }

    private static String quoted(String text) {
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
    }
}
