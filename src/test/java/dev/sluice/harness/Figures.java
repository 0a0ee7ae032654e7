package dev.sluice.harness;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Locale;

/** Figures that depend on this machine: they are told and judged with {@code -Dsluice.figures=true} alone. */
public final class Figures {

    private static final boolean ARE_MEASURED = Boolean.getBoolean("sluice.figures");

    static {
        if (!ARE_MEASURED) {
            System.out.println("figures of this machine: not measured, -Dsluice.figures=true or .ci/run does");
        }
    }

    private Figures() {}

    public static boolean areMeasured() {
        return ARE_MEASURED;
    }

    /** Prints a figure, in a line. */
    public static void tell(String format, Object... args) {
        if (ARE_MEASURED) {
            System.out.println(String.format(Locale.ROOT, format, args));
        }
    }

    /** Asserts a figure that a slow or busy machine may miss. */
    public static void check(boolean isWithin, String figure) {
        assertTrue(!ARE_MEASURED || isWithin, figure);
    }
}
