package dev.sluice.program.cli;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;

/**
 * SIGTERM, SIGINT and SIGHUP: the first stops well, a second ends at once. A shutdown hook can do neither, as it cannot change
 * the exit status of a signal nor see another one. That takes {@code sun.misc.Signal}, by reflection: javac warns of its
 * use in a way that no option or annotation silences, and our warnings are errors.
 *
 * <p>SIGHUP is no second signal: of a terminal that closes, a shell and the kernel tell one each, and a supervisor may send
 * it right behind SIGTERM. The JVM leaves a signal alone that was ignored when it started, as {@code nohup} has it for SIGHUP.
 */
final class StopSignals {

    private static final String HANG_UP = "HUP";

    private StopSignals() {}

    static void onFirst(Runnable stop, IntConsumer halt) {
        AtomicBoolean stopping = new AtomicBoolean();
        for (String name : new String[] {"TERM", "INT", HANG_UP}) {
            handle(name, number -> {
                if (stopping.compareAndSet(false, true)) {
                    stop.run();
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
            // a system without this signal, a Java without the class, a JVM told with -Xrs to leave signals alone: the
            // program ends by a signal as any other does
        }
    }
}
