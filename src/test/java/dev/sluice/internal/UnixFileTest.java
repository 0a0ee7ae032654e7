package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.Listener;
import java.io.IOException;
import java.net.BindException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnixFileTest {

    @TempDir
    private Path directory;

    private Path path;
    private final List<ServerSocketChannel> sockets = new ArrayList<>();

    @BeforeEach
    void name() {
        path = directory.resolve("door");
    }

    @AfterEach
    void close() throws IOException {
        for (ServerSocketChannel socket : sockets) {
            socket.close();
        }
    }

    private Listener listener() {
        return Listener.at(UnixDomainSocketAddress.of(path));
    }

    private UnixFile bind(Listener listener) throws IOException {
        return UnixFile.bind(socket(), listener);
    }

    private ServerSocketChannel socket() throws IOException {
        ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        sockets.add(socket);
        return socket;
    }

    private String refusal(Listener listener) {
        return assertThrows(BindException.class, () -> bind(listener)).getMessage();
    }

    /** What the directory holds; nothing that was made on the way may stay. */
    private List<Path> files() throws IOException {
        try (var files = Files.list(directory)) {
            return files.toList();
        }
    }

    private static int mode(Path path) throws IOException {
        return (Integer) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS) & 0777;
    }

    @Test
    void fileHasItsModeAndNothingElseIsLeft() throws Exception {
        bind(listener().withMode(0620));
        assertEquals(0620, mode(path));
        assertEquals(List.of(path), files());
    }

    /** One that another process could connect to for a moment would be found now and then. */
    @Test
    void modeIsRightFromTheFirstMoment() throws Exception {
        Set<Integer> seen = new ConcurrentSkipListSet<>();
        AtomicBoolean done = new AtomicBoolean();
        CompletableFuture<Void> watch = CompletableFuture.runAsync(() -> {
            while (!done.get()) {
                try {
                    seen.add(mode(path));
                } catch (IOException e) {
                    // not there now
                }
            }
        });
        try {
            for (int i = 0; i < 300; i++) {
                UnixFile file = bind(listener().withMode(0600));
                file.remove();
                sockets.get(i).close();
            }
            bind(listener().withMode(0600));
            while (seen.isEmpty() && !watch.isDone()) {
                Thread.onSpinWait();
            }
        } finally {
            done.set(true);
            watch.join();
        }
        assertEquals(Set.of(0600), seen);
    }

    /** Of 200 names that appear while they are watched, none refuses. */
    @Test
    void whoSeesTheFileCanConnect() throws Exception {
        for (int i = 0; i < 200; i++) {
            Path each = directory.resolve("door" + i);
            CompletableFuture<Void> connect = CompletableFuture.runAsync(() -> {
                while (!Files.exists(each)) {
                    Thread.onSpinWait();
                }
                try (SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(each))) {
                    assertTrue(client.isConnected());
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            });
            bind(Listener.at(UnixDomainSocketAddress.of(each)));
            connect.join();
        }
    }

    @Test
    void staleFileIsReplaced() throws Exception {
        UnixFile old = bind(listener());
        sockets.get(0).close(); // as the kernel does for a process that was killed
        assertTrue(Files.exists(path));
        UnixFile file = bind(listener());
        SocketChannel.open(UnixDomainSocketAddress.of(path)).close();
        file.remove();
        assertFalse(Files.exists(path));
        old.remove();
    }

    @Test
    void socketThatIsListenedOnIsLeftAlone() throws Exception {
        bind(listener());
        Object key = Files.getAttribute(path, "unix:fileKey");
        assertEquals("a server listens there", refusal(listener()));
        assertEquals(key, Files.getAttribute(path, "unix:fileKey"));
        assertEquals(List.of(path), files());
    }

    @Test
    void socketWithAFullBacklogLives() throws Exception {
        bind(listener().withBacklog(1));
        List<SocketChannel> waiting = new ArrayList<>();
        try {
            while (true) {
                SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX);
                waiting.add(client);
                client.configureBlocking(false);
                client.connect(UnixDomainSocketAddress.of(path));
            }
        } catch (IOException full) {
            assertEquals("a server listens there", refusal(listener()));
        } finally {
            for (SocketChannel each : waiting) {
                each.close();
            }
        }
    }

    @Test
    void socketThatIsListenedOnIsReplacedIfThatIsAskedFor() throws Exception {
        UnixFile old = bind(listener());
        try (SocketChannel waits = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
            bind(listener().withReplace(true));
            old.remove();
            assertTrue(Files.exists(path), "the file of the one that took over");
            try (SocketChannel accepted = sockets.get(0).accept()) {
                accepted.write(ByteBuffer.wrap(new byte[] {7}));
                ByteBuffer in = ByteBuffer.allocate(1);
                waits.read(in);
                assertEquals(7, in.get(0), "who waited at the old one is served by it");
            }
        }
    }

    @Test
    void whatIsNotASocketIsLeftAlone() throws Exception {
        Files.writeString(path, "precious");
        assertEquals("what is there is not a socket", refusal(listener().withReplace(true)));
        assertEquals("precious", Files.readString(path));
        Files.delete(path);
        Files.createDirectory(path);
        assertEquals("what is there is not a socket", refusal(listener().withReplace(true)));
        Files.delete(path);
        Path target = directory.resolve("target");
        UnixFile.bind(socket(), Listener.at(UnixDomainSocketAddress.of(target)));
        sockets.get(sockets.size() - 1).close();
        Files.createSymbolicLink(path, target);
        assertEquals("what is there is not a socket", refusal(listener().withReplace(true)));
        assertTrue(Files.isSymbolicLink(path));
    }

    @Test
    void fileOfAnotherStaysAtTheEnd() throws Exception {
        UnixFile file = bind(listener());
        Files.delete(path);
        Files.writeString(path, "another's");
        file.remove();
        assertTrue(Files.exists(path));
    }

    @Test
    void fileOfTheNextServerStaysThoughItsNumberIsTheSame() throws Exception {
        UnixFile file = bind(listener());
        file.remove();
        sockets.get(0).close();
        bind(listener()); // may get the number that has become free
        file.remove();
        assertTrue(Files.exists(path));
    }

    @Test
    void missingDirectoryIsNamed() {
        path = directory.resolve("none/door");
        assertEquals("no such directory", refusal(listener()));
    }

    @Test
    void fileInPlaceOfTheDirectoryIsNamed() throws Exception {
        Files.writeString(path, "");
        path = path.resolve("door");
        assertThrows(BindException.class, () -> bind(listener()));
        assertThrows(FileSystemException.class, () -> Files.list(path));
    }

    @Test
    void pathMayBeAsLongAsTheKernelAllows() throws Exception {
        int left = 106 - directory.toString().length() - 1;
        path = directory.resolve("x".repeat(left));
        bind(listener());
        SocketChannel.open(UnixDomainSocketAddress.of(path)).close();
        path = directory.resolve("x".repeat(left + 1));
        assertEquals("the path has 107 bytes, and at most 106 can be used", refusal(listener()));
        assertEquals(1, files().size());
    }
}
