package dev.sluice.program.cli;

import java.util.Locale;
import picocli.CommandLine.TypeConversionException;

/**
 * A whole number with its unit.
 *
 * @param unit in lower case; may be empty
 */
record Quantity(long number, String unit) {

    static Quantity parse(String text, String wanted) {
        int digits = 0;
        while (digits < text.length() && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
            digits++;
        }
        String unit = text.substring(digits).strip().toLowerCase(Locale.ROOT);
        if (digits == 0 || unit.chars().anyMatch(c -> c < 'a' || c > 'z')) {
            throw new TypeConversionException("'" + text + "' is not " + wanted);
        }
        try {
            return new Quantity(Long.parseLong(text.substring(0, digits)), unit);
        } catch (NumberFormatException e) {
            throw new TypeConversionException("'" + text + "' is too large");
        }
    }
}
