package dev.sluice.program.cli;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A length of time, always with its unit: {@code 500ms}, {@code 5s}, {@code 5m}; nothing but 0 does without one. */
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
