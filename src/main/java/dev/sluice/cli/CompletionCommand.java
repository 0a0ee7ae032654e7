package dev.sluice.cli;

import java.io.PrintWriter;
import java.util.Map;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sluice completion}: a script for the user's shell to load. */
@Command(name = "completion", description = "Prints a completion script: source <(sluice completion bash)")
final class CompletionCommand implements Runnable {

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "SHELL", description = "${COMPLETION-CANDIDATES}")
    private Shell shell;

    /** The shells there are scripts for. */
    enum Shell { bash, zsh, fish }

    @Override
    public void run() {
        CommandLine program = spec.root().commandLine();
        PrintWriter out = spec.commandLine().getOut();
        out.print(shell == Shell.fish ? fish(program) : AutoComplete.bash("sluice", program)); // the latter serves zsh too
        out.flush();
    }

    private static String fish(CommandLine program) {
        StringBuilder script = new StringBuilder("complete -c sluice -f\n");
        for (Map.Entry<String, CommandLine> command : program.getSubcommands().entrySet()) {
            String name = command.getKey();
            CommandSpec spec = command.getValue().getCommandSpec();
            script.append("complete -c sluice -n __fish_use_subcommand -a ").append(name)
                    .append(" -d ").append(quoted(spec.usageMessage().description())).append('\n');
            for (OptionSpec option : spec.options()) {
                script.append("complete -c sluice -n '__fish_seen_subcommand_from ").append(name).append('\'');
                for (String flag : option.names()) {
                    script.append(flag.startsWith("--") ? " -l " : " -s ").append(flag.replaceFirst("^-+", ""));
                }
                if (option.arity().max() > 0) {
                    script.append(" -x");
                }
                if (option.completionCandidates() != null) {
                    script.append(" -a '").append(String.join(" ", option.completionCandidates())).append('\'');
                }
                script.append(" -d ").append(quoted(option.description())).append('\n');
            }
        }
        return script.toString();
    }

    private static String quoted(String[] description) {
        String first = description.length == 0 ? "" : description[0];
        return "'" + first.replace("\\", "\\\\").replace("'", "\\'").replace("${COMPLETION-CANDIDATES}", "one of") + "'";
    }
}
