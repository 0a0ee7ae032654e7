package dev.sluice.program.cli;

import dev.sluice.InvalidOption;
import dev.sluice.program.client.PlainText;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Reports bad usage in two lines: what is wrong with which option, and how to get help. */
final class BadUsage implements IParameterExceptionHandler {

    private final Environment environment;

    BadUsage(Environment environment) {
        this.environment = environment;
    }

    @Override
    public int handleParseException(ParameterException e, String[] args) {
        UnmatchedArgumentException unknown = unknownOption(e.getCommandLine(), args);
        return report(e.getCommandLine(), unknown != null ? complaint(unknown) : complaint(e));
    }

    /** Reports an option that the library refused, under the name that the user gave it by. */
    int report(CommandLine command, InvalidOption e) {
        return report(command, e.message(option -> name(command.getCommandSpec(), option)));
    }

    private static int report(CommandLine command, String complaint) {
        PrintWriter err = command.getErr();
        err.println("sluice: " + PlainText.line(complaint));
        err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
        err.flush();
        return Status.BAD_USAGE;
    }

    /** The library's {@code lowWater} is {@code --low-water}; an option that the command lacks keeps its name. */
    private String name(CommandSpec command, String option) {
        for (OptionSpec each : command.options()) {
            if (each.longestName().replace("-", "").equalsIgnoreCase(option)) {
                return environment.name(each);
            }
        }
        return option;
    }

    private String complaint(ParameterException e) {
        if (e instanceof UnmatchedArgumentException) {
            return complaint((UnmatchedArgumentException) e);
        }
        if (e.getCause() instanceof TypeConversionException) {
            ArgSpec argument = e.getArgSpec();
            String what = argument.typeInfo().isEnum()
                    ? "'" + e.getValue() + "' is not one of " + String.join(", ", argument.completionCandidates())
                    : e.getCause().getMessage();
            return argument.isOption() ? environment.name((OptionSpec) argument) + " " + what : what;
        }
        String message = e.getMessage();
        return Environment.isName(message) ? message : message.substring(0, 1).toLowerCase(Locale.ROOT) + message.substring(1);
    }

    private static String complaint(UnmatchedArgumentException e) {
        String what = e.getUnmatched().get(0);
        boolean takesCommands = !e.getCommandLine().getSubcommands().isEmpty();
        List<String> suggestions = e.getSuggestions();
        return (e.isUnknownOption() ? "unknown option" : takesCommands ? "unknown command" : "unexpected argument") + " '" + what + "'"
                + (suggestions.isEmpty() ? "" : "; did you mean '" + String.join("' or '", suggestions) + "'?");
    }

    /** A misspelt option. picocli would first report the value behind it, which it takes for an argument. */
    private static UnmatchedArgumentException unknownOption(CommandLine command, String[] args) {
        CommandSpec spec = command.getCommandSpec();
        for (String each : args) {
            if (each.equals("--")) {
                return null;
            }
            String name = each.indexOf('=') < 0 ? each : each.substring(0, each.indexOf('='));
            if (name.startsWith("--") && spec.findOption(name) == null && spec.root().findOption(name) == null) {
                return new UnmatchedArgumentException(command, List.of(name));
            }
        }
        return null;
    }
}
