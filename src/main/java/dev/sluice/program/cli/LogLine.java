package dev.sluice.program.cli;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.LayoutBase;
import dev.sluice.program.service.Printable;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;

/**
 * A log line: time, level, message, and a stack trace where there is one. Needs no pattern to be parsed at start-up.
 *
 * <p>The text of an exception may hold what a peer has sent. It cannot control a terminal, nor look like another log line: every further
 * line of a message is indented.
 */
final class LogLine extends LayoutBase<ILoggingEvent> {

    private static final String CONTINUED = "\n    ";

    @Override
    public String doLayout(ILoggingEvent event) {
        LocalTime time = LocalTime.ofInstant(Instant.ofEpochMilli(event.getTimeStamp()), ZoneId.systemDefault());
        StringBuilder line = new StringBuilder(128);
        String seconds = time.truncatedTo(ChronoUnit.SECONDS).toString();
        line.append(seconds).append(seconds.length() == 5 ? ":00" : ""); // 10:00:00 calls itself 10:00
        line.append(' ').append(event.getLevel()).append(' ');
        append(line, String.valueOf(event.getFormattedMessage()));
        if (event.getThrowableProxy() != null) {
            append(line.append(CONTINUED), ThrowableProxyUtil.asString(event.getThrowableProxy()).stripTrailing());
        }
        return line.append('\n').toString();
    }

    private static void append(StringBuilder line, String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\n') {
                line.append(CONTINUED);
            } else if (!text.startsWith("\r\n", i)) {
                line.append(Printable.steers(c) ? Printable.SUBSTITUTE : c);
            }
        }
    }
}
