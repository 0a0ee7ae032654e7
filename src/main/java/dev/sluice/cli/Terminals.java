package dev.sluice.cli;

import java.io.Console;

/** Is a person there? */
final class Terminals {

    private Terminals() {}

    /** True if standard input and output are a terminal. */
    static boolean interactive() {
        Console console = System.console();
        if (console == null) {
            return false;
        }
        try {
            // since JDK 22 a console need not be a terminal, and says so itself
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (ReflectiveOperationException e) {
            return true;
        }
    }
}
