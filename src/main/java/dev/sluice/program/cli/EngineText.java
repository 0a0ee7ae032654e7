package dev.sluice.program.cli;

import dev.sluice.program.bench.Contender;
import dev.sluice.program.bench.EngineSpec;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Checks an engine to compare, such as {@code reactor} or {@code reactor:2}. */
final class EngineText implements ITypeConverter<String> {

    /** Engines that need a library which is not always on the class path. */
    private static final Set<String> ELSEWHERE = Set.of("netty", "netty-epoll");

    @Override
    public String convert(String text) {
        EngineSpec engine;
        try {
            engine = EngineSpec.parse(text);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
        Contender contender = Contender.named(engine.name());
        if (contender != null && engine.size() >= 0 && !contender.takesNumber()) {
            throw new TypeConversionException("'" + text + "' has a number, which " + engine.name() + " does not take; reactor and pool do");
        }
        if (contender == null && !ELSEWHERE.contains(engine.name())) {
            List<String> names = Contender.all().stream().map(Contender::name).toList();
            throw new TypeConversionException("'" + text + "' is not one of " + String.join(", ", names)
                    + (names.containsAll(ELSEWHERE) ? "" : ", and netty with Maven's profile bench"));
        }
        return text;
    }
}
