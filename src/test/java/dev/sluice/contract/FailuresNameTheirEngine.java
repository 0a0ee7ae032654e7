package dev.sluice.contract;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.LifecycleMethodExecutionExceptionHandler;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.opentest4j.TestAbortedException;

/** Puts the engine's name in front of a failure's message: Maven's reports tell a parameterized class's engine by a number alone. */
final class FailuresNameTheirEngine implements TestExecutionExceptionHandler, LifecycleMethodExecutionExceptionHandler {

    @Override
    public void handleTestExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        throw named(context, failure);
    }

    @Override
    public void handleAfterEachMethodExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        throw named(context, failure);
    }

    private static Throwable named(ExtensionContext context, Throwable failure) {
        if (failure instanceof TestAbortedException) {
            return failure;
        }
        Engine engine = ((EngineContract) context.getRequiredTestInstance()).engine;
        AssertionError named = new AssertionError("on " + engine + ": " + failure, failure);
        named.setStackTrace(failure.getStackTrace());
        return named;
    }
}
