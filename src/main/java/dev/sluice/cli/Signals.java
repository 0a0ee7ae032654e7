package dev.sluice.cli;

import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * SIGTERM and Ctrl-C: the first asks for an orderly end, the second ends at once with 128 and its number. A shutdown
 * hook could do neither: the status would be 143 whatever it achieved, and a second signal would be ignored. The class
 * behind it, {@code sun.misc.Signal}, is supported though not standard; it is called by reflection, because the compiler
 * warns of it and cannot be told not to.
 */
final class Signals {

    private static final int SIGINT = 2;
    private static final int SIGTERM = 15;

    private Signals() {}

    static void onFirst(Runnable end) {
        AtomicBoolean asked = new AtomicBoolean();
        on("INT", () -> obey(asked, SIGINT, end));
        on("TERM", () -> obey(asked, SIGTERM, end));
    }

    private static void obey(AtomicBoolean asked, int number, Runnable end) {
        if (asked.getAndSet(true)) {
            Main.halt(128 + number);
        }
        end.run();
    }

    private static void on(String name, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object proxy = Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, (self, method, args) -> {
                if (method.getDeclaringClass() == handler) {
                    action.run();
                }
                return null;
            });
            signal.getMethod("handle", signal, handler).invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
        } catch (ReflectiveOperationException | IllegalArgumentException e) {
            // no such signal here, or the JVM keeps it (-Xrs): then it ends the process as it always does
        }
    }
}
