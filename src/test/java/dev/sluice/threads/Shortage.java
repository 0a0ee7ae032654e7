package dev.sluice.threads;

import java.util.Set;

/**
 * Want of memory for one allocation, or for a few in a row, of the engine's own code: {@link StarvingLoader} has every one of them ask
 * here first. What a user's thread asks the engine for does not count: it is told itself. A handler is told, too, and fails of it.
 */
public final class Shortage {

    /** The methods of a conversation and its play that run on a user's thread. */
    private static final Set<String> USERS = Set.of("meddle", "calmDown", "drain");

    private static final Set<String> PLAYS = Set.of(Conversation.class.getName(), Interleaving.class.getName());

    private static final StackWalker WALKER = StackWalker.getInstance();

    private static volatile boolean armed;
    private static volatile int before;
    private static volatile int length;
    private static volatile String where;

    private Shortage() {}

    /** After so many more allocations, so many fail. */
    static void after(int allocations, int fails) {
        before = allocations;
        length = fails;
        where = null;
        armed = true;
    }

    /** It is over. */
    static void over() {
        armed = false;
    }

    /** Where memory was first short, or null: there were not so many allocations. */
    static String where() {
        return where;
    }

    /** Called before each allocation. */
    public static void allocate() {
        if (isShort()) {
            throw none();
        }
    }

    /** Called before each lambda, which may be the first of its place, and be linked there: then the JDK throws this. */
    public static void link() {
        if (isShort()) {
            throw new InternalError(none());
        }
    }

    private static OutOfMemoryError none() {
        return new OutOfMemoryError("by the test, at " + place());
    }

    private static boolean isShort() {
        if (!armed || isUsers()) {
            return false;
        }
        int left = before--;
        if (left <= 0) {
            armed = -left + 1 < length;
            where = where == null ? place() : where;
        }
        return left <= 0;
    }

    private static boolean isUsers() {
        return WALKER.walk(frames -> frames.anyMatch(
                frame -> USERS.contains(frame.getMethodName()) && PLAYS.contains(frame.getClassName())));
    }

    private static String place() {
        return WALKER.walk(frames -> frames.skip(1)
                .filter(frame -> !frame.getClassName().equals(Shortage.class.getName()))
                .limit(3)
                .map(frame -> frame.getFileName() + ":" + frame.getLineNumber())
                .toList()
                .toString());
    }
}
