package dev.sluice;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.core.domain.JavaAccess.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.syntax.elements.GivenClassesConjunction;
import java.util.Map;
import java.util.Set;
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
                .layer("cli").definedBy("dev.sluice.cli")
                .layer("bench").definedBy("dev.sluice.bench..")
                .layer("service").definedBy("dev.sluice.service")
                .layer("threads, codec, datagram").definedBy("dev.sluice.threads", "dev.sluice.codec", "dev.sluice.datagram")
                .layer("simulation").definedBy("dev.sluice.simulation")
                .layer("base").definedBy("dev.sluice")
                .layer("internal").definedBy("dev.sluice.internal")
                .whereLayer("cli").mayNotBeAccessedByAnyLayer()
                .whereLayer("bench").mayOnlyBeAccessedByLayers("cli")
                .whereLayer("service").mayOnlyBeAccessedByLayers("cli", "bench")
                .whereLayer("threads, codec, datagram").mayOnlyBeAccessedByLayers("cli", "bench", "service")
                .whereLayer("simulation").mayNotBeAccessedByAnyLayer()
                .whereLayer("internal").mayNotAccessAnyLayer()
                .check(CLASSES);
        slices().matching("dev.sluice.(*)..").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void libraryKnowsTheJdkAndSlf4jAlone() {
        noClasses().that().resideOutsideOfPackages("dev.sluice.cli..", "dev.sluice.bench..")
                .should().dependOnClassesThat().resideOutsideOfPackages("java..", "jdk.jfr..", "org.slf4j..", "dev.sluice..")
                .check(CLASSES);
        noClasses().that().resideOutsideOfPackage("dev.sluice.internal").or().haveSimpleName("Flight")
                .should().dependOnClassesThat().resideInAPackage("jdk.jfr..")
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
        noBlockingCall(noClasses().that().resideInAnyPackage("dev.sluice", "dev.sluice.internal", "dev.sluice.service")
                        .and().doNotHaveSimpleName("ReactorServer")
                        .and().doNotHaveSimpleName("Watchdog") // which has a thread of its own
                        .and().doNotHaveSimpleName("Journal")) // as this has, and a lock, held for as long as it takes to copy a line
                .check(CLASSES);
    }

    @Test
    void ruleAgainstBlockingHasTeeth() {
        assertThrows(AssertionError.class, () -> noBlockingCall(noClasses().that().haveSimpleName("ReactorServer")).check(CLASSES));
    }

    @Test
    void onlyTheProgramEndsTheProcess() {
        noClasses().that().resideOutsideOfPackage("dev.sluice.cli")
                .should().callMethod(System.class, "exit", int.class)
                .orShould().callMethod(Runtime.class, "exit", int.class)
                .orShould().callMethod(Runtime.class, "halt", int.class)
                .check(CLASSES);
    }

    @Test
    void nobodyButTheLogsKnowsTheTimeOfDay() {
        noClasses().that().resideOutsideOfPackage("dev.sluice.cli")
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
    void publicFaceOfTheBasePackageIsSmall() {
        Set<String> face = Set.of("Reactor", "ReactorStats", "Registration", "Timer", "Server", "ReactorServer", "ServerOptions",
                "ServerStats", "DrainReport", "Connector", "Reconnecting", "Backoff", "Handler", "Connection", "CloseReason");
        noClasses().that().resideInAPackage("dev.sluice").and().areTopLevelClasses()
                .and().haveModifier(JavaModifier.PUBLIC)
                .should(com.tngtech.archunit.lang.conditions.ArchConditions.be(
                        describe("other than " + face, type -> !face.contains(type.getSimpleName()))))
                .check(CLASSES);
    }
}
