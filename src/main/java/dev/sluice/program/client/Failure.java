package dev.sluice.program.client;

import java.nio.file.FileSystemException;
import java.util.Locale;

/** A command failed at run time. The message is the one line that the user sees; the exit status is 1. */
public final class Failure extends Exception {

    private static final long serialVersionUID = 1;

    public Failure(String message, Throwable cause) {
        super(message, cause);
    }

    public Failure(String message) {
        this(message, null);
    }

    /** The peer closed before all of our input was sent. */
    static Failure endedEarly() {
        return new Failure("the peer closed the connection before the end of our input");
    }

    /** The reason of an exception on one line, in the words of the system where it has any. */
    public static String reason(Throwable e) {
        String message = e.getMessage();
        if (e instanceof FileSystemException && ((FileSystemException) e).getReason() == null) {
            // the message is the path alone, and the class says the rest: AccessDeniedException
            String name = e.getClass().getSimpleName().replace("Exception", "");
            return message + ": " + name.replaceAll("(?<=[a-z])(?=[A-Z])", " ").toLowerCase(Locale.ROOT);
        }
        return message == null || message.isBlank() ? e.getClass().getSimpleName() : message.lines().findFirst().get();
    }
}
