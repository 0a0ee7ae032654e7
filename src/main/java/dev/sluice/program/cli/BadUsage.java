package dev.sluice.program.cli;

import dev.sluice.program.client.Failure;
import dev.sluice.program.client.PlainText;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;
import picocli.CommandLine;

/** Bad usage in two lines: what is wrong with which option, and where the help is. */
final class BadUsage implements IParameterExceptionHandler {

    /** How picocli begins a complaint about a value; then the option, its label in parentheses, and our converter's words. */
    private static final String PICOCLI = "Invalid value for ";

    private final Environment environment;

    BadUsage(Environment environment) {
        this.environment = environment;
    }

    @Override
    public int handleParseException(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        String unknown = unknownOption(command.getCommandSpec(), args);
        err.println("sluice: " + PlainText.line(unknown != null ? unknown : environment.name(complaint(e))));
        err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
        err.flush();
        return Status.BAD_USAGE;
    }

    private static String complaint(ParameterException e) {
        if (e instanceof UnmatchedArgumentException) {
            return unmatched((UnmatchedArgumentException) e);
        }
        String message = Failure.reason(e);
        ArgSpec argument = e.getArgSpec();
        if (argument == null || !message.startsWith(PICOCLI)) {
            return message.startsWith("--") ? message : message.substring(0, 1).toLowerCase(Locale.ROOT) + message.substring(1);
        }
        int described = message.indexOf("): ");
        String what = described < 0 ? message.substring(message.indexOf(": ") + 2) : message.substring(described + 3);
        return argument instanceof OptionSpec ? ((OptionSpec) argument).longestName() + " " + what : what;
    }

    /** picocli complains of the value behind a misspelt option first, as if it were an argument; this goes before. */
    private static String unknownOption(CommandSpec spec, String[] args) {
        for (String each : args) {
            if (each.equals("--")) {
                return null;
            }
            String name = each.indexOf('=') < 0 ? each : each.substring(0, each.indexOf('='));
            if (name.startsWith("--") && spec.findOption(name) == null && spec.root().findOption(name) == null) {
                return "unknown option '" + name + "'" + Closest.hint(name, names(spec));
            }
        }
        return null;
    }

    private static String unmatched(UnmatchedArgumentException e) {
        String what = e.getUnmatched().get(0);
        CommandSpec spec = e.getCommandLine().getCommandSpec();
        if (e.isUnknownOption()) {
            return "unknown option '" + what + "'" + Closest.hint(what, names(spec));
        }
        Set<String> commands = spec.subcommands().keySet();
        return commands.isEmpty() ? "unexpected argument '" + what + "'" : "unknown command '" + what + "'" + Closest.hint(what, commands);
    }

    private static List<String> names(CommandSpec spec) {
        List<String> names = new ArrayList<>();
        for (OptionSpec each : spec.options()) {
            names.addAll(Arrays.asList(each.names()));
        }
        return names;
    }
}
