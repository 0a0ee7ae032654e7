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
        Counters.class, Deadlines.class, DescriptorLimit.class, Drain.class, InputDeadline.class, KeepAliveProbes.class, ListenerSockets.class, LivenessProbe.class,
        Loop.class, MemoryBudget.class, MemoryWait.class, Observation.class, OutboundQueue.class, Outlet.class, Patience.class,
        PeerText.class, PendingWork.class, RateLimitedLog.class, ReadStop.class, ServerEnd.class, SocketIo.class, TaskQueue.class, Timeouts.class,
        UnixFile.class, UnreadInput.class, Workers.class,
        CloseReason.class, DrainReport.class, ServerObserver.class, ServerStats.class
    };

    /** Of the JDK, what the first connections, or the first failures, would initialise. A version that lacks one does without. */
    private static final String[] OF_THE_JDK = {
        "java.lang.invoke.TypeConvertingMethodAdapter$BoxHolder",
        "java.net.StandardSocketOptions",
        "java.nio.DirectByteBuffer$Deallocator",
        "java.util.concurrent.SynchronousQueue$TransferStack$SNode",
        "java.util.concurrent.ThreadLocalRandom",
        "java.util.concurrent.ThreadPoolExecutor",
        "java.util.concurrent.atomic.Striped64$Cell",
        "java.util.concurrent.locks.AbstractQueuedSynchronizer$Node",
        "java.util.stream.ReferencePipeline$StatelessOp",
        "sun.nio.ch.ExtendedSocketOption",
        "sun.nio.ch.IOVecWrapper",
        "sun.nio.ch.NativeObject",
        "sun.nio.ch.SocketChannelImpl$DefaultOptionsHolder",
        "sun.nio.ch.SocketOptionRegistry$LazyInitialization"
    };

    /** The same, of virtual threads that wait. */
    private static final String[] OF_VIRTUAL_THREADS = {
        "java.util.concurrent.DelayScheduler", "jdk.internal.event.VirtualThreadEndEvent", "sun.nio.ch.Poller"
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
        loadOfTheJdk(OF_THE_JDK);
        TaskQueue queue = new TaskQueue(); // its atomics are linked when they are first called
        queue.add(TaskQueue.task(() -> {}));
        queue.poll();
        queue.close();
    }

    /** Initialises what the JDK needs for virtual threads that wait. */
    public static void initialiseVirtualThreads() {
        loadOfTheJdk(OF_VIRTUAL_THREADS);
    }

    private static void loadOfTheJdk(String[] names) {
        for (String name : names) {
            load(name, null);
        }
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
