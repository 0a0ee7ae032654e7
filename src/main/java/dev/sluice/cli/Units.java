package dev.sluice.cli;

import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** How sizes, durations and ports are written on the command line. */
final class Units {

    private static final Pattern NUMBER_AND_UNIT = Pattern.compile("(\\d{1,15})\\s*([a-zA-Z]*)");

    private Units() {}

    /** 500ms, 5s, 5m, 1h; a duration of nothing is 0. */
    static final class Time implements ITypeConverter<Duration> {
        @Override
        public Duration convert(String text) {
            Matcher matcher = NUMBER_AND_UNIT.matcher(text.strip());
            if (matcher.matches()) {
                long number = Long.parseLong(matcher.group(1));
                switch (matcher.group(2)) {
                    case "ms":
                        return Duration.ofMillis(number);
                    case "s":
                        return Duration.ofSeconds(number);
                    case "m":
                        return Duration.ofMinutes(number);
                    case "h":
                        return Duration.ofHours(number);
                    case "":
                        if (number == 0) {
                            return Duration.ZERO;
                        }
                        throw new TypeConversionException(
                                "'" + text + "' has no unit; a duration is written as 500ms, 5s or 5m");
                    default:
                }
            }
            throw new TypeConversionException("'" + text + "' is no duration; one is written as 500ms, 5s or 5m");
        }
    }

    /** 8192, 64k, 64KiB, 1MiB, 1g: always powers of 1024. */
    static final class Size implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            Matcher matcher = NUMBER_AND_UNIT.matcher(text.strip());
            if (matcher.matches()) {
                int shift =
                        switch (matcher.group(2).toLowerCase(Locale.ROOT)) {
                            case "", "b" -> 0;
                            case "k", "kb", "kib" -> 10;
                            case "m", "mb", "mib" -> 20;
                            case "g", "gb", "gib" -> 30;
                            default -> -1;
                        };
                long number = Long.parseLong(matcher.group(1));
                if (shift >= 0 && number <= Long.MAX_VALUE >> shift) {
                    return number << shift;
                }
            }
            throw new TypeConversionException("'" + text + "' is no size; one is written as 65536, 64k or 1MiB");
        }
    }

    /** 0 to 65535. */
    static final class Port implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            try {
                int port = Integer.parseInt(text);
                if (port >= 0 && port <= 65_535) {
                    return port;
                }
            } catch (NumberFormatException e) {
                // said below
            }
            throw new TypeConversionException("'" + text + "' is no port; one is between 0 and 65535");
        }
    }
}
