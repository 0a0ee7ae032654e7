package dev.sluice.program.cli;

import dev.sluice.program.client.Failure;
import dev.sluice.program.client.Place;
import java.io.IOException;
import java.io.InputStream;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.SecureRandom;

/**
 * The file with the server's port in it, for scripts. It appears whole or not at all, once the server is ready, and is removed when the
 * server ends. A file at its path that is not a port file is left alone.
 */
final class PortFile implements AutoCloseable {

    /** Five digits and a line feed. */
    private static final int LONGEST = 6;

    private final Path path;
    private BasicFileAttributes written;

    private PortFile(Path path) {
        this.path = path;
    }

    /** Removes the file of an earlier server, so that a script which waits for this one does not read the old port. The place is the first with a
     * port, or any. Does nothing for null. */
    static PortFile claim(Path path, Place place) throws Failure {
        if (path == null) {
            return new PortFile(null);
        }
        PortFile file = new PortFile(path.toAbsolutePath());
        try {
            if (Files.exists(file.path, LinkOption.NOFOLLOW_LINKS)) {
                file.removeStale(place.port() == null ? 0 : place.port().port(), place.kind() == Place.Kind.UDP);
            } else if (!Files.isDirectory(file.path.getParent())) {
                throw file.failure("no such directory", null);
            }
        } catch (IOException e) {
            throw file.failure(reason(e), e);
        }
        return file;
    }

    private void removeStale(int port, boolean udp) throws IOException, Failure {
        BasicFileAttributes attributes = attributes(path);
        if (!attributes.isRegularFile()) {
            throw failure("it is " + (attributes.isDirectory() ? "a directory" : attributes.isSymbolicLink() ? "a link" : "not a regular file"), null);
        }
        String content = attributes.size() > LONGEST ? "more than a port" : content();
        if (!content.matches("\\d{0,5}\\n?")) {
            throw failure("it holds something else than a port", null);
        }
        // if its port is in use, this server will not start, and the file belongs to the one that runs
        if (port == 0 || !content.strip().equals(Integer.toString(port)) || !isTaken(port, udp)) {
            Files.delete(path);
        }
    }

    private String content() throws IOException {
        try (InputStream in = Files.newInputStream(path, LinkOption.NOFOLLOW_LINKS)) {
            return new String(in.readNBytes(LONGEST), StandardCharsets.ISO_8859_1);
        }
    }

    private static boolean isTaken(int port, boolean udp) {
        if (udp) {
            try (DatagramSocket probe = new DatagramSocket(port)) {
                return !probe.isBound();
            } catch (IOException e) {
                return true;
            }
        }
        try (Socket probe = new Socket()) { // does not listen, so that no client connects to it
            probe.setReuseAddress(true);
            probe.bind(new InetSocketAddress(port));
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    /** Writes the port, or an empty line for 0. */
    void write(int port) throws Failure {
        if (path == null) {
            return;
        }
        // a name that no other process can guess and link; in the same directory, as another may be on another file system
        Path draft = path.resolveSibling(path.getFileName() + "." + Long.toHexString(new SecureRandom().nextLong()) + ".tmp");
        try {
            Files.writeString(draft, (port == 0 ? "" : port) + "\n", StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            try {
                BasicFileAttributes attributes = attributes(draft);
                Files.move(draft, path, StandardCopyOption.ATOMIC_MOVE);
                written = attributes;
            } finally {
                Files.deleteIfExists(draft);
            }
        } catch (IOException e) {
            throw failure(reason(e), e);
        }
    }

    /** Removes the file, unless another server has replaced it. */
    @Override
    public void close() {
        try {
            if (written != null && isSame(written, attributes(path))) {
                Files.delete(path);
            }
        } catch (IOException e) {
            // it has gone
        }
    }

    private static boolean isSame(BasicFileAttributes one, BasicFileAttributes other) {
        return one.fileKey() != null && one.fileKey().equals(other.fileKey()) && one.lastModifiedTime().equals(other.lastModifiedTime());
    }

    private static BasicFileAttributes attributes(Path file) throws IOException {
        return Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    }

    private Failure failure(String why, IOException cause) {
        return new Failure("cannot write --port-file " + path + ": " + why, cause);
    }

    private static String reason(IOException e) {
        if (e instanceof NoSuchFileException) {
            return "no such directory";
        }
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        String reason = e instanceof FileSystemException ? ((FileSystemException) e).getReason() : e.getMessage();
        return reason == null ? e.getClass().getSimpleName() : reason;
    }
}
