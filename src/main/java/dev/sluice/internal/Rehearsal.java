package dev.sluice.internal;

import dev.sluice.CloseReason;
import dev.sluice.DrainReport;
import dev.sluice.ServerObserver;
import dev.sluice.ServerStats;

/**
 * The first use of classes, made before it matters. The JVM needs memory for it, and a class whose first initialisation finds none is
 * never initialised again (JVMS 5.5): each later use fails, and no connection could end any more. Any thread.
 */
public final class Rehearsal {

    /** All of this package but its loggers, and the values that a connection's end is told with. */
    private static final Class<?>[] SHARED = {
        AddressLimit.class, Admission.class, BlockingWrite.class, ChunkDepot.class, ChunkPool.class, ConnectionLog.class, ConnectionState.class,
        Counters.class, Deadlines.class, DescriptorLimit.class, Drain.class, KeepAliveProbes.class, ListenerSockets.class, LivenessProbe.class,
        Loop.class, MemoryBudget.class, MemoryWait.class, Observation.class, OutboundQueue.class, Outlet.class, Patience.class,
        PendingWork.class, RateLimitedLog.class, ReadStop.class, ServerEnd.class, SocketIo.class, TaskQueue.class, Timeouts.class,
        UnreadInput.class, Workers.class,
        CloseReason.class, DrainReport.class, ServerObserver.class, ServerStats.class
    };

    private Rehearsal() {}

    /**
     * Initialises the classes that engines share, and some more, with all that are nested in them.
     *
     * @param more an engine's
     */
    public static void initialise(Class<?>... more) {
        for (Class<?>[] some : new Class<?>[][] {SHARED, more}) {
            for (Class<?> each : some) {
                withNested(each);
                load(each.getName() + "$1", each.getClassLoader()); // the table of a switch, its own or a nested class's
            }
        }
        TaskQueue queue = new TaskQueue(); // its atomics are linked when they are first called
        queue.add(TaskQueue.task(() -> {}));
        queue.poll();
        queue.close();
    }

    private static void withNested(Class<?> outer) {
        load(outer.getName(), outer.getClassLoader());
        for (Class<?> nested : outer.getDeclaredClasses()) {
            withNested(nested);
        }
    }

    private static void load(String name, ClassLoader loader) {
        try {
            Class.forName(name, true, loader);
        } catch (ClassNotFoundException e) {
            // then it will not be needed
        }
    }
}
