package dev.sluice.harness;

/** The seed that random tests start from: {@code -Dsluice.seed}, or the time. It is printed once, by the first test that asks. */
public final class Seed {

    public static final long VALUE = Long.getLong("sluice.seed", System.nanoTime());

    static {
        System.out.println("-Dsluice.seed=" + VALUE);
    }

    private Seed() {}
}
