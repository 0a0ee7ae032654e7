package dev.sluice.program.cli;

import java.io.PrintWriter;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sluice completion}: the script that makes a shell complete our commands and options. */
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

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "SHELL",
            converter = Choice.Shell.class,
            completionCandidates = Choice.Shell.class,
            description = "${COMPLETION-CANDIDATES}")
    private Choice.ShellName shell;

    @Override
    public void run() {
        CommandLine root = spec.root().commandLine();
        PrintWriter out = root.getOut();
        // picocli's script serves zsh too, by zsh's own emulation of bash
        out.print(shell == Choice.ShellName.FISH ? FishCompletion.script(NAME, root) : AutoComplete.bash(NAME, root));
        out.flush();
    }
}
