package dev.sluice.harness;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A test that measures, so that its verdict depends on the machine: it runs with {@code -Dsluice.figures=true} alone, as in {@code .ci/run}. */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(Figure.Condition.class)
public @interface Figure {

    /** Runs a test where figures are measured. */
    final class Condition implements ExecutionCondition {
        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            return Figures.areMeasured()
                    ? ConditionEvaluationResult.enabled("figures are measured")
                    : ConditionEvaluationResult.disabled("measures this machine: -Dsluice.figures=true");
        }
    }
}
