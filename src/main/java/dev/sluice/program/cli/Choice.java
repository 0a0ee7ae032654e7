package dev.sluice.program.cli;

import dev.sluice.program.bench.Expect;
import dev.sluice.program.service.Engine;
import dev.sluice.program.service.Services;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** One of a few words, the constants of an enum in lower case; also what completion offers. */
class Choice<E extends Enum<E>> implements ITypeConverter<E>, Iterable<String> {

    private final String noun;
    private final E[] constants;

    private Choice(String noun, E[] constants) {
        this.noun = noun;
        this.constants = constants;
    }

    static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    @Override
    public E convert(String text) {
        for (E each : constants) {
            if (word(each).equalsIgnoreCase(text)) {
                return each;
            }
        }
        throw new TypeConversionException("'" + text + "' is not " + noun + ": there " + (constants.length == 1 ? "is " : "are ")
                + String.join(", ", words()) + Closest.hint(text, words()));
    }

    @Override
    public Iterator<String> iterator() {
        return words().iterator();
    }

    private List<String> words() {
        List<String> words = new ArrayList<>();
        for (E each : constants) {
            words.add(word(each));
        }
        return words;
    }

    /** What {@code serve} serves. */
    static final class Service extends Choice<Services> {
        Service() {
            super("a service", Services.values());
        }
    }

    /** The engines there are. */
    static final class EngineName extends Choice<Engine> {
        EngineName() {
            super("an engine", Engine.values());
        }
    }

    /** How much is logged. */
    enum Level {
        ERROR,
        WARN,
        INFO,
        DEBUG,
        TRACE
    }

    /** The levels there are. */
    static final class LogLevel extends Choice<Level> {
        LogLevel() {
            super("a level", Level.values());
        }
    }

    /** What ends a line that is sent. */
    enum LineEnd {
        LF("\n"),
        CRLF("\r\n"),
        NONE("");

        final String text;

        LineEnd(String text) {
            this.text = text;
        }
    }

    /** The line ends there are. */
    static final class Eol extends Choice<LineEnd> {
        Eol() {
            super("a line end", LineEnd.values());
        }
    }

    /** What an answer may be. */
    static final class Answer extends Choice<Expect> {
        Answer() {
            super("an answer", Expect.values());
        }
    }

    /** What {@code completion} writes for. */
    enum ShellName {
        BASH,
        ZSH,
        FISH
    }

    /** The shells there are. */
    static final class Shell extends Choice<ShellName> {
        Shell() {
            super("a shell", ShellName.values());
        }
    }
}
