package dev.sluice.threads.stepping;

/** A fault that a schedule has shown, and the steps that led there. */
public final class Finding extends AssertionError {

    private static final long serialVersionUID = 1;

    private final int steps;

    Finding(String what, int steps, Throwable cause) {
        super(what, cause);
        this.steps = steps;
    }

    /** How many steps it took. */
    public int steps() {
        return steps;
    }

    /** The fault, in the words that every schedule that shows it has: without numbers. */
    public String kind() {
        String first = getMessage().lines().findFirst().orElse("");
        return first.replaceAll("[0-9]+", "#");
    }
}
