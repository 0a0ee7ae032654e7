package dev.sluice.program.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts a size in bytes: {@code 4096}, {@code 64k}, {@code 1MiB}. Units are powers of 1024, in upper or lower case. */
final class ByteSize implements ITypeConverter<Long> {

    @Override
    public Long convert(String text) {
        Quantity quantity = Quantity.parse(text, "a size such as 4096, 64k or 1MiB");
        try {
            return Math.multiplyExact(quantity.number(), factor(quantity.unit(), text));
        } catch (ArithmeticException e) {
            throw new TypeConversionException("'" + text + "' is too large");
        }
    }

    /** A size as a user would type it: {@code 64KiB} for 65536. */
    static String text(long bytes) {
        String[] units = {"", "KiB", "MiB", "GiB"};
        long number = bytes;
        int unit = 0;
        for (; number != 0 && unit < units.length - 1 && number % 1024 == 0; unit++) {
            number /= 1024;
        }
        return number + units[unit];
    }

    private static long factor(String unit, String text) {
        switch (unit) {
            case "":
            case "b":
                return 1;
            case "k":
            case "kib":
                return 1L << 10;
            case "m":
            case "mib":
                return 1L << 20;
            case "g":
            case "gib":
                return 1L << 30;
            default:
                throw new TypeConversionException("'" + text + "' has an unknown unit: k, MiB and GiB are some, and a bare number is bytes");
        }
    }
}
