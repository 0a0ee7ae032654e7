package dev.sluice.program.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts a port to listen on; 0 takes a free one. */
final class Port implements ITypeConverter<Integer> {

    static final int LAST = 65_535;

    @Override
    public Integer convert(String text) {
        return within(text, 0);
    }

    static int within(String text, int first) {
        try {
            int port = Integer.parseInt(text);
            if (port >= first && port <= LAST) {
                return port;
            }
        } catch (NumberFormatException e) {
            // reported below
        }
        throw new TypeConversionException("'" + text + "' is not a port: " + first + " to " + LAST);
    }
}
