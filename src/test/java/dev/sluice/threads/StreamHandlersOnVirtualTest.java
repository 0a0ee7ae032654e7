package dev.sluice.threads;

import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

@EnabledForJreRange(min = JRE.JAVA_21)
class StreamHandlersOnVirtualTest extends StreamHandlerContract {

    @Override
    Threads threads() {
        return Threads.virtual();
    }
}
