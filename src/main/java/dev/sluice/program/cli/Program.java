package dev.sluice.program.cli;

import dev.sluice.InvalidOption;
import dev.sluice.program.client.Failure;
import dev.sluice.program.client.PlainText;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Help.ColorScheme;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.Spec;
import picocli.CommandLine;

/** The command {@code sluice}: its parser, its subcommands, and the way in which they fail. */
@Command(
        name = "sluice",
        description = "A non-blocking reactor server.",
        versionProvider = Program.Version.class,
        mixinStandardHelpOptions = true,
        synopsisSubcommandLabel = "COMMAND",
        commandListHeading = "%nCommands:%n",
        optionListHeading = "%nOptions:%n",
        footer = {
            "",
            "Exit status: 0 done, 1 failed at run time, 2 bad usage, 3 a limit of bench was",
            "missed, 4 connections were cut while draining; a second SIGTERM or Ctrl-C ends",
            "at once with 128 plus its number."
        })
final class Program implements Runnable {

    /** In the order in which the help lists them. */
    private static final List<String> COMMANDS = List.of("serve", "client", "load", "bench", "completion");

    @Spec
    private CommandSpec spec;

    static int run(String... args) {
        String first = args.length == 0 ? "" : args[0];
        if (first.equals("serve")) {
            HeadStart.go();
        }
        // converters that we do not use, each found by reflection
        System.setProperty("picocli.converters.excludes", "java\\.(time|sql)\\..*");
        return commandLine(first, System.getenv()).execute(args);
    }

    /**
     * The parser, with all its settings. If the first argument names a command, the other commands are left out, which shortens
     * the start.
     */
    static CommandLine commandLine(String first, Map<String, String> variables) {
        CommandLine.tracer().setLevel(CommandLine.TraceLevel.OFF); // its warnings would come ahead of our one line
        CommandLine line = new CommandLine(new Program());
        Environment environment = new Environment(variables);
        boolean all = first.equals("completion") || !COMMANDS.contains(first);
        for (String name : COMMANDS) {
            if (name.equals(first) || all) {
                line.addSubcommand(command(name, environment));
            }
        }
        for (CommandLine each : line.getSubcommands().values()) {
            each.getCommandSpec().parser().splitQuotedStrings(true); // a quote in a list has no meaning
        }
        BadUsage badUsage = new BadUsage(environment);
        line.setColorScheme(new ColorScheme.Builder(Ansi.OFF).build()); // and no time spent looking for a terminal
        line.setUsageHelpWidth(80);
        line.setUsageHelpLongOptionsMaxWidth(27);
        line.setAbbreviatedOptionsAllowed(false);
        line.setExpandAtFiles(false); // an argument that begins with @ is an argument
        line.registerConverter(boolean.class, Program::truth);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setOverwrittenOptionsAllowed(true);
        line.setDefaultValueProvider(environment);
        line.setParameterExceptionHandler(badUsage);
        line.setExecutionExceptionHandler((e, command, result) ->
                e instanceof InvalidOption ? badUsage.report(command, (InvalidOption) e) : failed(command, e));
        return line;
    }

    private static boolean truth(String text) {
        if (!text.equalsIgnoreCase("true") && !text.equalsIgnoreCase("false")) {
            throw new TypeConversionException("'" + text + "' is not true or false");
        }
        return Boolean.parseBoolean(text);
    }

    private static Object command(String name, Environment environment) {
        switch (name) {
            case "serve":
                return ServeCommand.described(environment);
            case "client":
                return new ClientCommand();
            case "load":
                return new LoadCommand();
            case "bench":
                return new BenchCommand();
            default:
                return new CompletionCommand();
        }
    }

    private static int failed(CommandLine command, Exception e) throws Exception {
        if (!(e instanceof Failure)) {
            throw e; // a defect of the program: the one case for a stack trace
        }
        PrintWriter err = command.getErr();
        err.println("sluice: " + PlainText.line(e.getMessage()));
        err.flush();
        return Status.FAILED;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "no command: serve, client, load, bench or completion");
    }

    static String version() {
        try (InputStream in = Program.class.getResourceAsStream("version")) {
            return in == null ? "unknown" : new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return "unknown";
        }
    }

    /** The line that {@code --version} prints. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"sluice " + version() + " on Java " + System.getProperty("java.version")};
        }
    }
}
