package dev.sluice.cli;

import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line as a whole: its commands, its habits, its exit status. */
@Command(
        name = "sluice",
        description = "A non-blocking reactor server: serve, or talk to one.",
        subcommands = {ServeCommand.class, ClientCommand.class, CompletionCommand.class},
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        versionProvider = Program.Version.class,
        usageHelpAutoWidth = false)
final class Program implements Runnable {

    static final int FAILED = 1;
    static final int BAD_USAGE = 2;
    static final int CUT = 4;

    @Spec
    private CommandSpec spec;

    static int run(String... args) {
        return commandLine().execute(args);
    }

    static CommandLine commandLine() {
        CommandLine program = new CommandLine(new Program());
        program.setDefaultValueProvider(new Environment(System.getenv()));
        program.setParameterExceptionHandler(Program::badUsage);
        program.setExecutionExceptionHandler(Program::failed);
        program.setAbbreviatedOptionsAllowed(false);
        program.setCaseInsensitiveEnumValuesAllowed(true);
        return program;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is missing");
    }

    private static int badUsage(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("sluice: " + wrong(e) + Environment.blame(e));
        err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
        return BAD_USAGE;
    }

    private static String wrong(ParameterException e) {
        if (e instanceof UnmatchedArgumentException unmatched) {
            String first = unmatched.getUnmatched().get(0);
            boolean isOption = first.startsWith("-");
            boolean isCommand = !isOption && e.getCommandLine().getParent() == null;
            List<String> like = unmatched.getSuggestions().stream()
                    .filter(name -> name.startsWith("-") == isOption)
                    .toList();
            return (isOption ? "unknown option " : isCommand ? "unknown command " : "unexpected argument ")
                    + first
                    + (like.isEmpty() ? "" : "; did you mean " + String.join(" or ", like) + "?");
        }
        return e.getMessage();
    }

    /** One line for the user; the trace is for whoever asks for it. */
    private static int failed(Exception e, CommandLine command, CommandLine.ParseResult parsed) throws Exception {
        if (e instanceof Failure) {
            command.getErr().println("sluice: " + e.getMessage());
            return FAILED;
        }
        throw e;
    }

    /** A failure at run time that its message explains. */
    static final class Failure extends Exception {
        private static final long serialVersionUID = 1;

        Failure(String message) {
            super(message);
        }
    }

    /** From the manifest of the program's jar. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Program.class.getPackage().getImplementationVersion();
            return new String[] {"sluice " + (version == null ? "(unpackaged)" : version)
                    + ", Java " + Runtime.version().feature()};
        }
    }
}
