package dev.sluice;

import dev.sluice.reactor.Backoff;
import dev.sluice.reactor.Connector;
import dev.sluice.reactor.ReactorStats;
import dev.sluice.reactor.Registration;
import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaAccess.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.syntax.elements.GivenClassesConjunction;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The house's plan: who may know whom, and what nobody may do. */
class ArchitectureTest {

    private static final JavaClasses CLASSES =
            new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("dev.sluice");

    /** Calls that wait, or that ask a name server. */
    private static final Map<String, Set<String>> BLOCKING = Map.of(
            "java.lang.Thread", Set.of("sleep", "join"),
            "java.lang.Object", Set.of("wait"),
            "java.util.concurrent.Future", Set.of("get", "join"),
            "java.util.concurrent.CountDownLatch", Set.of("await"),
            "java.util.concurrent.Semaphore", Set.of("acquire"),
            "java.util.concurrent.BlockingQueue", Set.of("put", "take"),
            "java.util.concurrent.locks.Lock", Set.of("lock"),
            "java.util.concurrent.locks.LockSupport", Set.of("park", "parkNanos"),
            "java.net.InetAddress", Set.of("getByName", "getAllByName", "getHostName", "getCanonicalHostName"),
            "java.net.InetSocketAddress", Set.of("getHostName"));

    @Test
    void arrowsPointOneWay() {
        layeredArchitecture()
                .consideringOnlyDependenciesInAnyPackage("dev.sluice..")
                .withOptionalLayers(true)
                .layer("cli").definedBy("dev.sluice.program.cli")
                .layer("client").definedBy("dev.sluice.program.client")
                .layer("bench").definedBy("dev.sluice.program.bench..")
                .layer("service").definedBy("dev.sluice.program.service")
                .layer("simulation").definedBy("dev.sluice.simulation")
                .layer("codec, datagram").definedBy("dev.sluice.codec", "dev.sluice.datagram")
                .layer("threads").definedBy("dev.sluice.threads")
                .layer("reactor").definedBy("dev.sluice.reactor")
                .layer("internal").definedBy("dev.sluice.internal")
                .layer("face").definedBy("dev.sluice")
                .whereLayer("cli").mayNotBeAccessedByAnyLayer()
                .whereLayer("client").mayOnlyBeAccessedByLayers("cli")
                .whereLayer("client").mayOnlyAccessLayers("service")
                .whereLayer("bench").mayOnlyBeAccessedByLayers("cli")
                .whereLayer("service").mayOnlyBeAccessedByLayers("cli", "client", "bench")
                .whereLayer("simulation").mayNotBeAccessedByAnyLayer()
                .whereLayer("codec, datagram").mayOnlyBeAccessedByLayers("cli", "bench", "service")
                .whereLayer("threads").mayOnlyBeAccessedByLayers("codec, datagram", "cli", "bench", "service")
                .whereLayer("reactor").mayOnlyBeAccessedByLayers("threads", "codec, datagram", "cli", "bench", "service")
                .whereLayer("internal").mayOnlyAccessLayers("face")
                .whereLayer("face").mayNotAccessAnyLayer()
                .check(CLASSES);
        slices().matching("dev.sluice.(*)..").should().beFreeOfCycles().check(CLASSES);
        slices().matching("dev.sluice.program.(*)..").should().beFreeOfCycles().check(CLASSES);
    }

    /** The classes of the reactor's package, the highest first: a class names those that stand below it. */
    private static final List<String> REACTOR = List.of(
            "ReactorServer", "Connector", "Reconnecting", "ReactorAcceptor", "ReactorConnect", "ReactorConnection", "ReactorContext",
            "Watchdog", "Reactor", "Registration", "BusyPoll", "Scarcity", "SpinGuard", "ReadyHandler", "ReactorStats", "ReactorOptions", "Backoff");

    /** The classes above itself that a class of the reactor's package names. Each pair of classes counts once. */
    private static final Set<String> REACTOR_UPWARD = Set.of(
            // the keys of the selector are the only register of connections: their context finds there whom it asks to leave, or closes
            // for memory, and notes whose callback is running
            "ReactorContext -> ReactorConnection",
            // a connection may connect out, and asks its context, which has the limits: else the connection would name the attempt
            "ReactorContext -> ReactorConnect",
            // made by the reactor, it checks that its caller is on the reactor's thread
            "Registration -> Reactor");

    @Test
    void classesOfTheReactorNameThoseBelow() {
        Set<String> upward = new TreeSet<>();
        for (JavaClass from : CLASSES) {
            if (!from.getPackageName().equals("dev.sluice.reactor") || from.getSimpleName().equals("package-info")) {
                continue;
            }
            int height = REACTOR.indexOf(topLevel(from));
            assertTrue(height >= 0, from + " has no place in the order");
            for (Dependency dependency : from.getDirectDependenciesFromSelf()) {
                JavaClass to = dependency.getTargetClass().getBaseComponentType();
                if (to.getPackageName().equals("dev.sluice.reactor") && REACTOR.indexOf(topLevel(to)) < height) {
                    upward.add(topLevel(from) + " -> " + topLevel(to));
                }
            }
        }
        assertEquals(new TreeSet<>(REACTOR_UPWARD), upward);
    }

    private static String topLevel(JavaClass type) {
        return type.getName().substring(type.getPackageName().length() + 1).split("\\$")[0];
    }

    @Test
    void connectionsStateIsWrittenByItselfAlone() {
        fields().that().areDeclaredInClassesThat().haveSimpleName("ReactorConnection")
                .or().areDeclaredInClassesThat().haveSimpleName("ThreadConnection")
                .or().areDeclaredInClassesThat().haveSimpleName("OutboundQueue")
                .should().bePrivate().orShould().beFinal()
                .check(CLASSES);
    }

    @Test
    void libraryKnowsTheJdkAndSlf4jAlone() {
        noClasses().that().resideOutsideOfPackages("dev.sluice.program.cli", "dev.sluice.program.client", "dev.sluice.program.bench..")
                .should().dependOnClassesThat().resideOutsideOfPackages("java..", "jdk.jfr..", "com.sun.management..", "org.slf4j..", "dev.sluice..")
                .check(CLASSES);
        noClasses().that().resideOutsideOfPackage("dev.sluice.program.cli")
                .should().dependOnClassesThat().resideInAPackage("picocli..")
                .check(CLASSES);
        onlyIn("JfrEvents", "jdk.jfr..");
        onlyIn("DirectMemoryLimit$Bean", "java.lang.management..", "com.sun.management..");
    }

    private static void onlyIn(String user, String... packages) {
        noClasses().that(describe("are not of " + user, type -> !type.getName().startsWith("dev.sluice.internal." + user)))
                .should().dependOnClassesThat().resideInAnyPackage(packages)
                .because("a runtime image may lack it")
                .check(CLASSES);
    }

    private static ArchRule noBlockingCall(GivenClassesConjunction classes) {
        return classes.should().callMethodWhere(target(describe("waits or looks up a name", target -> BLOCKING.entrySet().stream()
                .anyMatch(entry -> target.getOwner().isAssignableTo(entry.getKey())
                        && entry.getValue().contains(target.getName())))));
    }

    @Test
    void nothingInTheReactorPackageBlocksOrLooksUpAName() {
        // Server.close waits for the end, and says so: on a loop's own thread it does not
        noBlockingCall(noClasses().that().resideInAnyPackage("dev.sluice", "dev.sluice.reactor", "dev.sluice.internal", "dev.sluice.program.service")
                        .and().doNotHaveSimpleName("ReactorServer")
                        .and().doNotHaveSimpleName("Watchdog") // which has a thread of its own
                        .and().doNotHaveSimpleName("Patience") // for threads that find no memory
                        .and().doNotHaveSimpleName("Scarcity") // a loop that finds no memory waits 10 ms for some
                        .and().doNotHaveSimpleName("Resolver") // which has a thread of its own, too
                        .and().doNotHaveSimpleName("Journal")) // as this has, and a lock, held for as long as it takes to copy a line
                .check(CLASSES);
    }

    @Test
    void ruleAgainstBlockingHasTeeth() {
        assertThrows(AssertionError.class, () -> noBlockingCall(noClasses().that().haveSimpleName("ReactorServer")).check(CLASSES));
    }

    @Test
    void onlyTheProgramEndsTheProcess() {
        noClasses().that().resideOutsideOfPackage("dev.sluice.program.cli")
                .should().callMethod(System.class, "exit", int.class)
                .orShould().callMethod(Runtime.class, "exit", int.class)
                .orShould().callMethod(Runtime.class, "halt", int.class)
                .check(CLASSES);
    }

    @Test
    void nobodyButTheLogsKnowsTheTimeOfDay() {
        noClasses().that().resideOutsideOfPackage("dev.sluice.program.cli")
                .and().doNotHaveSimpleName("OneWaits") // any Condition has a method that is given one
                .should().callMethod(System.class, "currentTimeMillis")
                .orShould().callMethod(java.time.Instant.class, "now")
                .orShould().dependOnClassesThat().areAssignableTo(java.time.Clock.class)
                .orShould().dependOnClassesThat().areAssignableTo(java.util.Date.class)
                .because("a clock that is set must not expire anybody")
                .check(CLASSES);
    }

    @Test
    void nobodyReachesIntoTheJdk() {
        noClasses().should().dependOnClassesThat(resideInAnyPackage("jdk.internal..", "sun.."))
                .orShould().dependOnClassesThat().areAssignableTo(java.io.ObjectInputStream.class)
                .check(CLASSES);
    }

    @Test
    void namesSayWhatAClassIs() {
        noClasses().should().haveSimpleNameStartingWith("Abstract")
                .orShould().haveSimpleNameEndingWith("Impl")
                .orShould().haveSimpleNameEndingWith("Manager")
                .orShould().haveSimpleNameEndingWith("Util")
                .orShould().haveSimpleNameEndingWith("Utils")
                .check(CLASSES);
    }

    @Test
    void publicFaceIsSmall() {
        Map<String, Set<String>> faces = Map.of(
                "dev.sluice", Set.of("Handler", "Connection", "Hold", "ServerObserver", "CloseReason", "Timer", "Server", "ServerStats", "DrainReport",
                        "ServerOptions", "InvalidOption", "Listener", "ProxyHeader", "ProxyProtocol", "AddressRange"),
                "dev.sluice.reactor", Set.of("Reactor", "Registration", "ReactorStats", "ReactorServer", "ReactorOptions", "Connector", "Reconnecting", "Backoff"),
                "dev.sluice.threads", Set.of("ThreadServer", "Threads", "StreamHandler"));
        faces.forEach((room, face) -> noClasses().that().resideInAPackage(room).and().areTopLevelClasses()
                .and().haveModifier(JavaModifier.PUBLIC)
                .should(com.tngtech.archunit.lang.conditions.ArchConditions.be(
                        describe("other than " + face, type -> !face.contains(type.getSimpleName()))))
                .check(CLASSES));
    }

    @Test
    void noClassNameOccursTwice() {
        Map<String, Long> names = CLASSES.stream()
                .filter(type -> !type.getSimpleName().isEmpty() && !type.getSimpleName().equals("package-info"))
                .filter(type -> type.isTopLevelClass())
                .collect(Collectors.groupingBy(type -> type.getSimpleName(), TreeMap::new, Collectors.counting()));
        names.values().removeIf(times -> times == 1);
        assertEquals(Map.of(), names);
    }
}
