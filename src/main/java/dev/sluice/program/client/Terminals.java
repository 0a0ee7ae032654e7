package dev.sluice.program.client;

import java.io.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tells which of the standard streams are terminals. */
public final class Terminals {

    private Terminals() {}

    /** True if standard input and output are a terminal. */
    public static boolean interactive() {
        Console console = System.console();
        if (console == null) {
            return false;
        }
        try {
            // since JDK 22 a console need not be a terminal, and has a method for it
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (ReflectiveOperationException e) {
            return true;
        }
    }

    /** True if standard error is a terminal that can redraw a line. */
    public static boolean hasErrorTerminal() {
        return !"dumb".equals(System.getenv("TERM")) && isTerminal(2);
    }

    static boolean hasOutputTerminal() {
        return isTerminal(1) || interactive();
    }

    /** Java knows only whether standard input and output are both terminals; Linux knows it of each. */
    private static boolean isTerminal(int descriptor) {
        try {
            String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty") || target.equals("/dev/console");
        } catch (IOException e) {
            return interactive();
        }
    }
}
