package dev.sluice.cli;

/** Where the program starts and ends: the only place that ends the process. */
public final class Main {

    private Main() {}

    /**
     * Runs the program.
     *
     * @param args the command line
     */
    public static void main(String[] args) {
        int status;
        try {
            status = Program.run(args);
        } catch (NoClassDefFoundError e) {
            System.err.println("sluice: the library's jar alone is no program: use target/sluice, or the jar that ends in -all");
            status = Program.FAILED;
        }
        System.exit(status);
    }

    /** Ends at once, without the hooks: for a second signal, when the first is still being obeyed. */
    static void halt(int status) {
        Runtime.getRuntime().halt(status);
    }
}
