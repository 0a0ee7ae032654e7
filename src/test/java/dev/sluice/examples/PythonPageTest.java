package dev.sluice.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every Java line of the page for those who come from Python compiles, and every file that it names is there. */
class PythonPageTest {

    private static final Path PAGE = Path.of("src/docs/coming-from-python.md");

    private static final String AROUND =
            """
            import dev.sluice.*;
            import dev.sluice.reactor.*;
            import dev.sluice.codec.*;
            import dev.sluice.datagram.*;
            import dev.sluice.threads.*;
            import java.io.*;
            import java.net.InetSocketAddress;
            import java.nio.ByteBuffer;
            import java.nio.channels.*;
            import java.time.Duration;
            import java.util.Queue;
            import java.util.concurrent.*;
            import java.util.concurrent.locks.*;

            abstract class Page {
                Reactor reactor; Connector connector; Connection connection; Server server; StreamHandler streamHandler;
                InetSocketAddress address; ServerOptions options; ServerSocketChannel listener; SocketChannel channel;
                Queue<ByteBuffer> messages; Lock lock; Condition condition; boolean ready; String question;
                abstract ByteBuffer compute(String question);
                abstract void accept(SocketChannel client);
                abstract void show(ByteBuffer answer);
                static class Fetch implements Handler { public void onRead(Connection self, ByteBuffer in) {} }
                %s
            }
            """;

    @Test
    void everyJavaLineCompiles(@TempDir Path out) throws IOException {
        Matcher blocks = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(PAGE));
        StringBuilder methods = new StringBuilder();
        int found = 0;
        while (blocks.find()) {
            methods.append("void block").append(found++).append("() throws Exception {\n").append(blocks.group(1)).append("}\n");
        }
        assertEquals(13, found);
        SimpleJavaFileObject file = new SimpleJavaFileObject(Path.of("Page.java").toUri(), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreErrors) {
                return AROUND.formatted(methods);
            }
        };
        StringWriter said = new StringWriter();
        List<String> options = List.of("-d", out.toString(), "-cp", System.getProperty("java.class.path"));
        boolean well = ToolProvider.getSystemJavaCompiler().getTask(said, null, null, options, null, List.of(file)).call();
        assertTrue(well, said.toString());
    }

    @Test
    void everyFileThatItNamesIsThere() throws IOException {
        Matcher links = Pattern.compile("]\\((\\.\\./[^)]+)\\)").matcher(Files.readString(PAGE));
        int found = 0;
        while (links.find()) {
            assertTrue(Files.exists(PAGE.getParent().resolve(links.group(1))), links.group(1));
            found++;
        }
        assertTrue(found > 2);
    }
}
