package dev.sluice.program.cli;

import dev.sluice.internal.Patience;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;

/**
 * Handlers for SIGTERM, SIGINT and SIGHUP: the first signal stops the program gracefully, a second ends it at once. A shutdown hook can
 * neither change the exit status of a signal nor see a second one, so this uses {@code sun.misc.Signal}. It does so by reflection:
 * javac warns of a direct use, no option or annotation suppresses that, and warnings are errors here.
 *
 * <p>SIGHUP never counts as the second signal. When a terminal closes, the shell and the kernel each send one, and a supervisor may
 * send one right after SIGTERM. The JVM leaves a signal alone that was ignored when it started, such as SIGHUP under {@code nohup}.
 */
final class StopSignals {

    private static final String HANG_UP = "HUP";

    private StopSignals() {}

    static void onFirst(Runnable stop, IntConsumer halt) {
        AtomicBoolean stopping = new AtomicBoolean();
        for (String name : new String[] {"TERM", "INT", HANG_UP}) {
            handle(name, number -> {
                if (stopping.compareAndSet(false, true)) {
                    Patience.untilDone(stop); // on a thread of the signal's
                } else if (!name.equals(HANG_UP)) {
                    halt.accept(Status.SIGNAL + number);
                }
            });
        }
    }

    private static void handle(String name, IntConsumer action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            InvocationHandler call = (proxy, method, arguments) -> {
                action.accept((int) signal.getMethod("getNumber").invoke(arguments[0]));
                return null;
            };
            Object proxy = Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, call);
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
        } catch (ReflectiveOperationException e) {
            // a system without this signal, a Java without the class, or a JVM with -Xrs: the signal has its default effect
        }
    }
}
