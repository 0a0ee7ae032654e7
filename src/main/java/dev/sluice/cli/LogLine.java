package dev.sluice.cli;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.LayoutBase;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;

/** A log line: time, level, message, and a stack trace where there is one. Needs no pattern to be parsed at start-up. */
final class LogLine extends LayoutBase<ILoggingEvent> {

    @Override
    public String doLayout(ILoggingEvent event) {
        LocalTime time = LocalTime.ofInstant(Instant.ofEpochMilli(event.getTimeStamp()), ZoneId.systemDefault());
        StringBuilder line = new StringBuilder(128);
        String seconds = time.truncatedTo(ChronoUnit.SECONDS).toString();
        line.append(seconds).append(seconds.length() == 5 ? ":00" : ""); // 10:00:00 calls itself 10:00
        line.append(' ').append(event.getLevel()).append(' ').append(event.getFormattedMessage()).append('\n');
        if (event.getThrowableProxy() != null) {
            line.append(ThrowableProxyUtil.asString(event.getThrowableProxy()));
        }
        return line.toString();
    }
}
