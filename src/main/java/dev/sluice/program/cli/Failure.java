package dev.sluice.program.cli;

import java.nio.file.FileSystemException;
import java.util.Locale;

/** The command failed at run time; the message is the one line that the user sees, and the exit status is 1. */
final class Failure extends Exception {

    private static final long serialVersionUID = 1;

    Failure(String message, Throwable cause) {
        super(message, cause);
    }

    Failure(String message) {
        this(message, null);
    }

    /** Part of what was to be sent never was. */
    static Failure endedEarly() {
        return new Failure("the peer closed the connection before the end of our input");
    }

    /** What an exception has to say, in the words of the system where it has any. */
    static String reason(Throwable e) {
        String message = e.getMessage();
        if (e instanceof FileSystemException && ((FileSystemException) e).getReason() == null) {
            // the message is the path alone, and the class says the rest: AccessDeniedException
            String name = e.getClass().getSimpleName().replace("Exception", "");
            return message + ": " + name.replaceAll("(?<=[a-z])(?=[A-Z])", " ").toLowerCase(Locale.ROOT);
        }
        return message == null || message.isBlank() ? e.getClass().getSimpleName() : message.lines().findFirst().get();
    }
}
