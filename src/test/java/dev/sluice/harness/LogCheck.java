package dev.sluice.harness;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.AnnotatedElement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestWatcher;

/**
 * Compares the log of each test with what the test says of it: what {@link ExpectsLog} names must be there, what neither that nor
 * {@link MayLog} names is printed with the test's name. JUnit finds this extension by itself.
 */
public final class LogCheck implements BeforeEachCallback, AfterEachCallback, TestWatcher {

    /** The watchdog's warning, which a busy machine may provoke in any test. */
    private static final String ON_A_BUSY_MACHINE = "has been kept for";

    /** Lines that are printed of one test. */
    private static final int MOST = 20;

    @Override
    public void beforeEach(ExtensionContext context) {
        TestLog.lines().forEach(line -> System.out.println("logged between tests, before " + name(context) + ": " + line));
        TestLog.clear();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        List<String> expected = new ArrayList<>();
        List<String> known = new ArrayList<>(List.of(ON_A_BUSY_MACHINE));
        ExpectsLog expects = context.getRequiredTestMethod().getAnnotation(ExpectsLog.class);
        if (expects != null) {
            expected.addAll(List.of(expects.value()));
        }
        known.addAll(expected);
        known.addAll(mayLog(context.getRequiredTestMethod()));
        for (Class<?> each = context.getRequiredTestClass(); each != null; each = each.getSuperclass()) {
            known.addAll(mayLog(each));
        }
        boolean hasFailed = context.getExecutionException().isPresent();
        if (!hasFailed) {
            expected.forEach(LogCheck::await);
        }
        TestLog.lines().stream()
                .filter(line -> hasFailed || known.stream().noneMatch(line::contains))
                .limit(MOST)
                .forEach(line -> System.out.println(name(context) + (hasFailed ? " has failed, and logged " : ": unexpected ") + line));
        TestLog.clear();
    }

    @Override
    public void testFailed(ExtensionContext context, Throwable failure) {
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace)); // with its causes
        System.out.println(name(context) + " has failed");
        trace.toString().lines().filter(line -> !line.matches("\\s+at (org\\.junit\\.|org\\.apache\\.maven\\.|java\\.base/).*")).forEach(System.out::println);
    }

    private static List<String> mayLog(AnnotatedElement element) {
        MayLog mayLog = element.getDeclaredAnnotation(MayLog.class);
        return mayLog == null ? List.of() : List.of(mayLog.value());
    }

    /** A thread may be about to log when the test has seen the effect. */
    private static void await(String part) {
        try {
            Awaitility.await().pollInterval(Duration.ofMillis(1)).pollDelay(Duration.ZERO)
                    .until(() -> TestLog.lines().stream().anyMatch(line -> line.contains(part)));
        } catch (ConditionTimeoutException e) {
            fail("'" + part + "' was not logged: " + TestLog.lines());
        }
    }

    private static String name(ExtensionContext context) {
        String method = context.getRequiredTestClass().getSimpleName() + "#" + context.getRequiredTestMethod().getName();
        return context.getDisplayName().startsWith("[") ? method + context.getDisplayName() : method;
    }
}
