package dev.sluice.program.cli;

import java.io.PrintWriter;
import java.util.Locale;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sluice completion}: a script with which a shell completes our commands and options. */
@Command(
        name = "completion",
        description = "Prints a completion script for a shell.",
        mixinStandardHelpOptions = true,
        versionProvider = Program.Version.class,
        footer = {
            "",
            "bash, zsh:  source <(sluice completion bash)",
            "fish:       sluice completion fish | source"
        })
final class CompletionCommand implements Runnable {

    private static final String NAME = "sluice";

    private enum Shell {
        BASH,
        ZSH,
        FISH;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "SHELL",
            description = "${COMPLETION-CANDIDATES}")
    private Shell shell;

    @Override
    public void run() {
        CommandLine root = spec.root().commandLine();
        PrintWriter out = root.getOut();
        // picocli's script serves zsh too, by zsh's own emulation of bash
        out.print(shell == Shell.FISH ? FishCompletion.script(NAME, root) : AutoComplete.bash(NAME, root));
        out.flush();
    }
}
