package dev.sluice.program.cli;

import ch.qos.logback.classic.AsyncAppender;
import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import java.io.IOException;
import org.slf4j.ILoggerFactory;
import org.slf4j.IMarkerFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.helpers.BasicMarkerFactory;
import org.slf4j.spi.MDCAdapter;
import org.slf4j.spi.SLF4JServiceProvider;

/**
 * The program's logs: Logback, set up by hand, to standard error. The program names this class to slf4j by a system
 * property. So no file of ours configures the Logback of a program that uses the library, and Logback does not search
 * for a configuration, which takes a fair part of the start.
 *
 * <p>A loop never waits for a log line: the lines pass through a queue, and where standard error is a reader that has
 * stopped, they are dropped.
 */
public final class Logging implements SLF4JServiceProvider {

    private static final int QUEUE = 1024;
    /** The newest slf4j that this is known to work with, in slf4j's own notation. */
    private static final String API = "2.0.99";

    private final LoggerContext context = new LoggerContext();
    private final LogbackMDCAdapter mdc = new LogbackMDCAdapter();
    private final IMarkerFactory markers = new BasicMarkerFactory();

    /** Sets up the logs. Has an effect only before the first log line. */
    static void prepare() {
        System.setProperty("slf4j.provider", Logging.class.getName());
        System.setProperty("slf4j.internal.verbosity", "WARN"); // else slf4j announces the provider
        LoggerFactory.getILoggerFactory();
    }

    /** Logs warnings and errors only, for commands that print results. */
    static void warningsOnly() {
        prepare();
        level(LogLevel.WARN);
    }

    static void level(LogLevel level) {
        if (LoggerFactory.getILoggerFactory() instanceof LoggerContext) {
            LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
            context.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(Level.toLevel(level.name()));
        }
    }

    /**
     * Formats one line and drops it, so that all files of the JDK that this takes are open, those of time zones above all. The first line
     * to be logged may well say that there are no descriptors left.
     */
    static void rehearse() {
        if (LoggerFactory.getILoggerFactory() instanceof LoggerContext) {
            LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
            ch.qos.logback.classic.Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
            new LogLine().doLayout(new LoggingEvent("", root, Level.WARN, "", new IOException(), null));
        }
    }

    /** Writes out what is queued, for a second at most. */
    static void stop() {
        if (LoggerFactory.getILoggerFactory() instanceof LoggerContext) {
            ((LoggerContext) LoggerFactory.getILoggerFactory()).stop();
        }
    }

    @Override
    public void initialize() {
        context.setName("sluice");
        context.setMDCAdapter(mdc);

        LogLine layout = new LogLine();
        layout.setContext(context);
        layout.start();
        LayoutWrappingEncoder<ILoggingEvent> encoder = new LayoutWrappingEncoder<>();
        encoder.setContext(context);
        encoder.setLayout(layout);
        encoder.start();
        OutputStreamAppender<ILoggingEvent> stderr = new OutputStreamAppender<>();
        stderr.setContext(context);
        stderr.setName("stderr");
        stderr.setEncoder(encoder);
        stderr.setOutputStream(Stderr.stream());
        stderr.start();
        AsyncAppender queue = new AsyncAppender();
        queue.setContext(context);
        queue.setName("queue");
        queue.setQueueSize(QUEUE);
        queue.setDiscardingThreshold(0); // drops nothing while there is room
        queue.setNeverBlock(true);
        queue.addAppender(stderr);
        queue.start();
        context.getLogger(Logger.ROOT_LOGGER_NAME).addAppender(queue);
        context.start();
    }

    @Override
    public ILoggerFactory getLoggerFactory() {
        return context;
    }

    @Override
    public IMarkerFactory getMarkerFactory() {
        return markers;
    }

    @Override
    public MDCAdapter getMDCAdapter() {
        return mdc;
    }

    @Override
    public String getRequestedApiVersion() {
        return API;
    }
}
