package dev.sluice.harness;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.ArrayList;
import java.util.List;

/** Keeps what is logged while a test runs, at the level of warnings and above; {@link LogCheck} looks at it after each test. */
public final class TestLog extends AppenderBase<ILoggingEvent> {

    /** Of a test that provokes warnings by the thousand the first are enough. */
    private static final int MOST = 1_000;

    private static final List<Logged> LOGGED = new ArrayList<>();

    private record Logged(String message, String line) {}

    @Override
    protected void append(ILoggingEvent event) {
        if (!event.getLevel().isGreaterOrEqual(Level.WARN)) {
            return;
        }
        Logged logged = new Logged(event.getFormattedMessage(), line(event));
        synchronized (LOGGED) {
            if (LOGGED.size() < MOST) {
                LOGGED.add(logged);
            }
        }
    }

    /** The messages of this test as they were logged, without level, logger and cause. */
    public static List<String> messages() {
        synchronized (LOGGED) {
            return LOGGED.stream().map(Logged::message).toList();
        }
    }

    /** A line for each message of this test: level, logger, the message's first line, and the cause in short. */
    public static List<String> lines() {
        synchronized (LOGGED) {
            return LOGGED.stream().map(Logged::line).toList();
        }
    }

    public static void clear() {
        synchronized (LOGGED) {
            LOGGED.clear();
        }
    }

    private static String line(ILoggingEvent event) {
        String logger = event.getLoggerName().substring(event.getLoggerName().lastIndexOf('.') + 1);
        String line = event.getLevel() + " " + logger + " " + event.getFormattedMessage().lines().findFirst().orElse("");
        return event.getThrowableProxy() == null
                ? line
                : line + ": " + event.getThrowableProxy().getClassName() + ": " + event.getThrowableProxy().getMessage();
    }
}
