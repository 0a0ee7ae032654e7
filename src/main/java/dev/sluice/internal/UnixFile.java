package dev.sluice.internal;

import dev.sluice.Listener;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The file of a listening Unix-domain socket. A bind makes it with the mode that the process gives to files, and a later change would
 * leave a window. So the socket is bound in a directory that is open to its owner alone, within the one where it is wanted; the file
 * gets its mode there, and is then renamed, which also replaces a stale one without a gap.
 */
final class UnixFile {

    private static final int TYPE = 0170000;
    private static final int SOCKET = 0140000;

    /** Bytes of a path that the JDK takes on Linux. The path of the draft is shorter, and would be taken for one that nobody can connect to. */
    private static final int LONGEST = 106;

    private final Path path;

    /** Tells it from another file with this name. The kernel does not use it again while the socket is open. */
    private final Object key;

    private boolean removed;

    private UnixFile(Path path, Object key) {
        this.path = path;
        this.key = key;
    }

    /**
     * Binds a socket, and has its file appear.
     *
     * @param socket   is of the Unix family
     * @param listener where, and how
     * @return the file
     * @throws BindException says why there cannot be one, and leaves what was there
     */
    static UnixFile bind(ServerSocketChannel socket, Listener listener) throws IOException {
        Path path = ((UnixDomainSocketAddress) listener.address()).getPath();
        try {
            check(path, listener.replaces());
            return publish(socket, listener, path);
        } catch (BindException e) {
            throw e;
        } catch (SocketException e) { // the path is too long
            throw (BindException) new BindException(e.getMessage()).initCause(e);
        } catch (FileSystemException e) {
            throw (BindException) new BindException(reason(e)).initCause(e);
        }
    }

    private static UnixFile publish(ServerSocketChannel socket, Listener listener, Path path) throws IOException {
        Path apart = directoryBeside(path);
        Path draft = apart.resolve("s");
        try {
            socket.bind(UnixDomainSocketAddress.of(draft), listener.backlog());
            if (listener.mode().isPresent()) {
                Files.setAttribute(draft, "unix:mode", listener.mode().getAsInt());
            }
            Object key = key(draft);
            check(path, listener.replaces()); // again, for another server may have been as quick
            Files.move(draft, path, StandardCopyOption.ATOMIC_MOVE);
            return new UnixFile(path, key);
        } finally {
            Files.deleteIfExists(draft);
            Files.delete(apart);
        }
    }

    /** A name as short as it can be: the longest path of a socket has about 100 bytes. */
    private static Path directoryBeside(Path path) throws IOException {
        while (true) {
            String name = "." + Integer.toString(ThreadLocalRandom.current().nextInt(36 * 36 * 36, 36 * 36 * 36 * 36), 36);
            try {
                return Files.createDirectory(
                        path.resolveSibling(name), PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } catch (FileAlreadyExistsException e) {
                // another name, then
            }
        }
    }

    /** What stands at the path may be replaced if it is a socket that nobody listens on, or any socket if that is asked for. */
    private static void check(Path path, boolean replaces) throws IOException {
        int length = path.toString().getBytes(StandardCharsets.UTF_8).length;
        if (length > LONGEST) {
            throw new BindException("the path has " + length + " bytes, and at most " + LONGEST + " can be used");
        }
        int mode;
        try {
            mode = (Integer) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
        } catch (NoSuchFileException e) {
            return;
        }
        if ((mode & TYPE) != SOCKET) {
            throw new BindException("what is there is not a socket");
        } else if (!replaces && isLive(path)) {
            throw new BindException("a server listens there");
        }
    }

    /** A stale socket refuses. Another failure, such as a full backlog, comes of one that lives, or may. */
    private static boolean isLive(Path path) throws IOException {
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            probe.configureBlocking(false);
            probe.connect(UnixDomainSocketAddress.of(path));
            return true;
        } catch (ConnectException e) {
            return false;
        } catch (SocketException e) {
            return true;
        }
    }

    private static Object key(Path path) throws IOException {
        return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS).fileKey();
    }

    private static String reason(FileSystemException e) {
        if (e instanceof NoSuchFileException) {
            return "no such directory";
        } else if (e instanceof AccessDeniedException) {
            return "permission denied";
        } else if (e instanceof NotDirectoryException) {
            return "not a directory";
        }
        return e.getReason() == null ? e.getClass().getSimpleName() : e.getReason();
    }

    /** Removes the file, unless it has gone or another is in its place. While the socket is open. */
    void remove() {
        try {
            if (!removed && key.equals(key(path))) {
                Files.delete(path);
            }
        } catch (IOException e) {
            // it has gone, or is not ours to remove any more
        }
        removed = true;
    }
}
