package dev.sluice.program.cli;

import dev.sluice.InvalidOption;
import dev.sluice.ServerOptions;
import dev.sluice.ServerOptions.KeepAlive;
import java.time.Duration;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts the times of keep-alive: {@code 60s}, or {@code 60s,15s,4} with the interval and the count. */
final class KeepAliveText implements ITypeConverter<KeepAlive> {

    @Override
    public KeepAlive convert(String text) {
        String[] parts = text.split(",", -1);
        if (parts.length != 1 && parts.length != 3) {
            throw new TypeConversionException("'" + text + "' is not a duration such as 60s, nor one with interval and count such as 60s,15s,4");
        }
        KeepAlive usual = ServerOptions.defaults().keepAlive();
        Duration idle = new DurationText().convert(parts[0]);
        try {
            return parts.length == 1
                    ? new KeepAlive(idle, usual.interval(), usual.count())
                    : new KeepAlive(idle, new DurationText().convert(parts[1]), count(parts[2], text));
        } catch (InvalidOption e) { // this exception has the flag's name put before its message
            throw new TypeConversionException("must be " + e.range() + ", was '" + text + "'");
        }
    }

    private static int count(String part, String text) {
        try {
            return Integer.parseInt(part);
        } catch (NumberFormatException e) {
            throw new TypeConversionException("'" + text + "' has a count that is not a number");
        }
    }
}
