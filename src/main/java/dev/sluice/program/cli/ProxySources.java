package dev.sluice.program.cli;

import dev.sluice.ProxyProtocol;
import java.util.List;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts the sources that are proxies: {@code 10.0.0.0/8,fd00::/8,unix}. */
final class ProxySources implements ITypeConverter<ProxyProtocol> {

    @Override
    public ProxyProtocol convert(String text) {
        try {
            return ProxyProtocol.from(List.of(text.split(",", -1)));
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
