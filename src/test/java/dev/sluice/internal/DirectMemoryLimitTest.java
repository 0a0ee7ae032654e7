package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.ChildJvm;
import dev.sluice.harness.Proc;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The limit in JVMs that were started in different ways, compared with the one that the JDK itself keeps to. */
@Timeout(60)
class DirectMemoryLimitTest {

    private static final String OPTION = "-XX:MaxDirectMemorySize=10m";
    private static final String SET = Long.toString(10 << 20);
    private static final String BEAN = "com.sun.management.HotSpotDiagnosticMXBean";

    private static final class Asked {
        public static void main(String[] args) throws Exception {
            long limit = DirectMemoryLimit.bytes();
            Field field = Class.forName("java.nio.Bits").getDeclaredField("MAX_MEMORY");
            field.setAccessible(true);
            long truth = field.getLong(null);
            System.out.println(limit == truth ? limit : limit + " instead of " + truth);
        }
    }

    private static String run(List<String> starter, String... options) throws IOException, InterruptedException {
        List<String> all = new ArrayList<>(List.of("--add-opens", "java.base/java.nio=ALL-UNNAMED"));
        all.addAll(List.of(options));
        return ChildJvm.run(starter, all, Asked.class);
    }

    private static String limit(List<String> starter, String... options) throws IOException, InterruptedException {
        return run(starter, options).lines().reduce((line, next) -> next).orElseThrow();
    }

    private static List<String> with(String variable, String options) {
        return List.of("env", variable + "=" + options);
    }

    @Test
    void isThatOfTheHeapUnlessItIsSet() throws Exception {
        assertEquals(Long.toString(64 << 20), limit(List.of(), "-Xmx64m", "-XX:+UseG1GC"));
    }

    @Test
    void isWhatWasSet() throws Exception {
        assertEquals(SET, limit(List.of(), OPTION));
        assertEquals(SET, limit(with("JAVA_TOOL_OPTIONS", OPTION)));
    }

    @Test
    void isWhatWasSetInAFile(@TempDir Path directory) throws Exception {
        Path file = Files.writeString(directory.resolve("options"), OPTION);
        Path flags = Files.writeString(directory.resolve("flags"), "MaxDirectMemorySize=" + SET);
        assertEquals(SET, limit(List.of(), "@" + file));
        assertEquals(SET, limit(with("JDK_JAVA_OPTIONS", "@" + file)));
        assertEquals(SET, limit(List.of(), "-XX:VMOptionsFile=" + file));
        assertEquals(SET, limit(List.of(), "-XX:Flags=" + flags));
    }

    @Test
    void isWhatWasSetLastWhereNoBeanKnowsIt() throws Exception {
        String[] options = {"--limit-modules", "java.base", "-XX:MaxDirectMemorySize=3g", "-XX:MaxDirectMemorySize=10240K"};
        assertEquals(SET, limit(with("JAVA_TOOL_OPTIONS", "-XX:MaxDirectMemorySize=1g"), options));
        assertEquals("123456789", limit(with("_JAVA_OPTIONS", "-XX:MaxDirectMemorySize=123456789"), options));
    }

    /** It takes its time to start. */
    @Test
    void beanIsAskedOnlyIfItIsNeeded() throws Exception {
        assertEquals(!Proc.isThere(), run(List.of(), "-Xlog:class+load").contains(BEAN));
        assertTrue(run(List.of(), "-Xlog:class+load", OPTION).contains(BEAN));
        assertTrue(run(List.of("bash", "-c", "exec -a another \"$@\"", "bash"), "-Xlog:class+load").contains(BEAN), "its options are not seen");
    }
}
