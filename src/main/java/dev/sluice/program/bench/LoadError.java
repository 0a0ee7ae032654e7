package dev.sluice.program.bench;

/** The ways in which a request or a connection can fail. */
public enum LoadError {
    /** A connection that could not be made. */
    CONNECT("not connected"),
    /** A connection that was reset. */
    RESET("reset"),
    /** A connection that the server ended. */
    ENDED("ended by the server"),
    /** A connection on which a wrong answer came, compared byte for byte. */
    WRONG("wrong bytes"),
    /** A request that was sent and not answered, five seconds after the end of the measured time or for want of a connection. */
    UNANSWERED("without an answer"),
    /** A request that was planned and could not be sent. */
    UNSENT("never sent");

    private final String words;

    LoadError(String words) {
        this.words = words;
    }

    /**
     * The error in words.
     *
     * @return a few, in lower case
     */
    public String words() {
        return words;
    }
}
