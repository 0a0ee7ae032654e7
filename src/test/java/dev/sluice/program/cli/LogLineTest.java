package dev.sluice.program.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A log line tells what a peer said, and does nothing else of what that asks for. */
class LogLineTest {

    private static String line(String message, Throwable cause) {
        return new LogLine().doLayout(new LoggingEvent("", new LoggerContext().getLogger("test"), Level.WARN, message, cause, null));
    }

    private static void assertShown(String shown, String message) {
        String line = line(message, null);
        assertTrue(line.matches("(?s)\\d\\d:\\d\\d:\\d\\d WARN .*"), line);
        assertEquals(shown + "\n", line.substring("10:00:00 WARN ".length()));
    }

    @Test
    void messageSteersNothingAndMakesUpNoLine() {
        assertShown("plain\tgrößer 很好", "plain\tgrößer 很好");
        assertShown("?[2Jgone?x?31m??", "\u001B[2Jgone\rx\u009B31m\u202E\u007F");
        assertShown("kept\n        at here\n    10:00:00 WARN made up", "kept\n    at here\n10:00:00 WARN made up");
        assertShown("of\n    Windows", "of\r\nWindows");
        assertShown("\n    ", "\n");
        assertShown("null", null);
    }

    @Test
    void causeIsIndentedAndSteersNothing() {
        Exception cause = new IllegalStateException("not a number: \u001B[2J\n10:00:00 WARN made up", new NumberFormatException("\u0007"));
        List<String> lines = line("handler failed", cause).lines().toList();
        assertTrue(lines.get(0).endsWith(" WARN handler failed"), lines.get(0));
        assertEquals("    java.lang.IllegalStateException: not a number: ?[2J", lines.get(1));
        assertEquals("    10:00:00 WARN made up", lines.get(2));
        assertTrue(lines.get(3).startsWith("    \tat " + LogLineTest.class.getName()), lines.get(3));
        assertTrue(lines.contains("    Caused by: java.lang.NumberFormatException: ?"), lines.toString());
        assertTrue(lines.stream().skip(1).allMatch(line -> line.startsWith("    ")), lines.toString());
    }
}
