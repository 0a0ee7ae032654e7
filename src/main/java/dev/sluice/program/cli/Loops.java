package dev.sluice.program.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts a number of loops; {@code auto} is one for each core. */
final class Loops implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String text) {
        if (text.equals("auto")) {
            return Runtime.getRuntime().availableProcessors();
        }
        try {
            return Integer.valueOf(text);
        } catch (NumberFormatException e) {
            throw new TypeConversionException("'" + text + "' is neither a number nor auto");
        }
    }
}
