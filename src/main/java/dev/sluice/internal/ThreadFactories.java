package dev.sluice.internal;

import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/** Makers of threads: of platform threads, and of the virtual ones of Java 21 and later, which Java 17 can only look up. */
public final class ThreadFactories {

    private ThreadFactories() {}

    /**
     * Virtual threads: {@code Thread.ofVirtual().name(prefix, 0).factory()}.
     *
     * @param prefix of their names, before a number
     * @return makes them
     * @throws UnsupportedOperationException where there are none
     */
    public static ThreadFactory virtual(String prefix) {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            Class<?> type = Class.forName("java.lang.Thread$Builder");
            Object named = type.getMethod("name", String.class, long.class).invoke(builder, prefix, 0L);
            return (ThreadFactory) type.getMethod("factory").invoke(named);
        } catch (NoSuchMethodException | ClassNotFoundException | IllegalAccessException | InvocationTargetException e) {
            throw new UnsupportedOperationException(
                    "virtual threads need Java 21 or later, this is Java " + System.getProperty("java.version"), e);
        }
    }

    /**
     * Platform threads.
     *
     * @param prefix of their names, before a number
     * @return makes them; they keep the process alive
     */
    public static ThreadFactory platform(String prefix) {
        AtomicInteger made = new AtomicInteger();
        return work -> new Thread(null, work, prefix + made.getAndIncrement(), 0, false);
    }

    /**
     * Virtual threads, or platform threads where there are none.
     *
     * @param prefix of their names, before a number
     * @return makes them
     */
    static ThreadFactory orPlatform(String prefix) {
        try {
            return virtual(prefix);
        } catch (UnsupportedOperationException e) {
            return platform(prefix);
        }
    }
}
