package dev.sluice.program.cli;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts a duration with its unit: {@code 500ms}, {@code 5s}, {@code 5m}. Only 0 needs no unit. */
final class DurationText implements ITypeConverter<Duration> {

    @Override
    public Duration convert(String text) {
        Quantity quantity = Quantity.parse(text, "a duration such as 500ms, 5s or 5m");
        try {
            return duration(quantity, text);
        } catch (ArithmeticException e) {
            throw new TypeConversionException("'" + text + "' is too long");
        }
    }

    /** A duration as a user would type it: {@code 5m} for five minutes. Parts below a microsecond are left out. */
    static String text(Duration duration) {
        long micros = duration.toNanos() / 1000;
        String[] units = {"us", "ms", "s", "m", "h", "d"};
        int[] factors = {1000, 1000, 60, 60, 24};
        int unit = micros == 0 ? 2 : 0;
        for (; micros != 0 && unit < factors.length && micros % factors[unit] == 0; unit++) {
            micros /= factors[unit];
        }
        return micros + units[unit];
    }

    private static Duration duration(Quantity quantity, String text) {
        long number = quantity.number();
        switch (quantity.unit()) {
            case "us":
                return Duration.of(number, ChronoUnit.MICROS);
            case "ms":
                return Duration.ofMillis(number);
            case "s":
                return Duration.ofSeconds(number);
            case "m":
            case "min":
                return Duration.ofMinutes(number);
            case "h":
                return Duration.ofHours(number);
            case "d":
                return Duration.ofDays(number);
            case "":
                if (number == 0) {
                    return Duration.ZERO;
                }
                throw new TypeConversionException("'" + text + "' has no unit: " + number + "ms or " + number + "s?");
            default:
                throw new TypeConversionException("'" + text + "' has an unknown unit: us, ms, s, m, h or d");
        }
    }
}
