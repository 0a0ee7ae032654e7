package dev.sluice.program.cli;

/** The program's entry point. No other class ends the process. */
public final class Main {

    private Main() {}

    public static void main(String[] args) {
        try {
            System.exit(run(args));
        } catch (OutOfMemoryError e) { // a stack trace would need some
            LastResort.outOfMemory();
        }
    }

    /** Ends the process at once, without shutdown hooks. */
    static void halt(int status) {
        Runtime.getRuntime().halt(status);
    }

    private static int run(String[] args) {
        try {
            return Program.run(args);
        } catch (NoClassDefFoundError e) {
            // the plain jar, run without the libraries that the program stands on
            System.err.println("sluice: " + e.getMessage() + " is missing: run target/sluice, this jar is the library alone");
            return Status.FAILED;
        }
    }
}
