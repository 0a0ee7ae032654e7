package dev.sluice.program.bench;

import java.util.Locale;

/** Figures for people to read: three digits, and a unit that suits. */
public final class Figures {

    private Figures() {}

    /**
     * A whole number with its thousands apart.
     *
     * @param number any
     * @return such as 81,234
     */
    public static String count(double number) {
        return Double.isNaN(number) ? "?" : String.format(Locale.ROOT, "%,.0f", number);
    }

    /**
     * A length of time.
     *
     * @param ns nanoseconds
     * @return such as 950 ns, 12.3 µs, 1.05 ms, 2.00 s
     */
    public static String time(double ns) {
        if (Double.isNaN(ns)) {
            return "?";
        }
        if (ns < 999.5) {
            return digits(ns) + " ns";
        }
        if (ns < 999.5e3) {
            return digits(ns / 1e3) + " µs";
        }
        return ns < 999.5e6 ? digits(ns / 1e6) + " ms" : digits(ns / 1e9) + " s";
    }

    /**
     * Three digits, never an exponent.
     *
     * @param number not negative
     * @return such as 0.123, 1.05, 12.3, 456, 1,234
     */
    public static String digits(double number) {
        if (Double.isNaN(number)) {
            return "?";
        }
        int decimals = number < 0.9995 ? 3 : number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
        return String.format(Locale.ROOT, "%,." + (number == 0 ? 0 : decimals) + "f", number);
    }

    /**
     * A ratio, to two decimals.
     *
     * @param ratio any
     * @return such as 1.31
     */
    public static String ratio(double ratio) {
        return Double.isNaN(ratio) ? "?" : String.format(Locale.ROOT, "%.2f", ratio);
    }
}
