package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.sluice.harness.ChildJvm;
import dev.sluice.harness.Figures;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The direct memory of a server with several loops, in a small JVM. */
@Timeout(120)
class PeaksTest {

    @Test
    void loopsThatPeakOneAfterAnotherShareTheirMemory() throws Exception {
        String said = ChildJvm.run(List.of("-Xmx64m", "-Xlog:gc"), Peaks.class);
        assertFalse(said.contains("System.gc()"), said);
        Figures.tell("PeaksTest %s", said.lines().filter(line -> line.contains("direct memory")).findFirst().orElseThrow());
    }
}
