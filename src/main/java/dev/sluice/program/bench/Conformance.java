package dev.sluice.program.bench;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.Arrays;
import java.util.Random;

/**
 * A check that an echo passes before it is measured, because an echo that leaves something out is quicker. Every byte of ten megabytes must
 * come back, also to a client that does not read while it sends, and the end must follow the last byte.
 */
final class Conformance {

    private static final int TIMEOUT_MS = 10_000;
    private static final int LARGE = 10_000_000;

    /** More than the kernel holds for a connection with small buffers, and less than any server refuses to hold. */
    private static final int HELD_BACK = 400_000;

    private final InetSocketAddress server;

    private Conformance(int port) {
        this.server = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    /** Checks the echo on a port; returns the mistake, or null. */
    static String check(int port) throws InterruptedException {
        Conformance check = new Conformance(port);
        try {
            check.echoes(1, false);
            check.echoes(LARGE, false);
            check.echoes(HELD_BACK, true);
            return null;
        } catch (IOException e) {
            return e.getMessage() == null ? e.toString() : e.getMessage();
        }
    }

    /** Sends so many bytes, ends our side at once, and expects all of them back, then the end. */
    private void echoes(int bytes, boolean readsLate) throws IOException, InterruptedException {
        byte[] sent = new byte[bytes];
        new Random(bytes).nextBytes(sent);
        try (Socket socket = new Socket()) {
            if (readsLate) {
                socket.setReceiveBufferSize(16 << 10); // so that the server's writes fall short
            }
            socket.connect(server, TIMEOUT_MS);
            socket.setSoTimeout(TIMEOUT_MS);
            Thread writer = new Thread(() -> write(socket, sent), "sluice-conformance");
            writer.start();
            if (readsLate) {
                writer.join(TIMEOUT_MS);
            }
            InputStream in = socket.getInputStream();
            byte[] received = in.readNBytes(bytes);
            if (!Arrays.equals(sent, received)) {
                throw new IOException("of " + bytes + " bytes " + (received.length < bytes ? received.length + " came back" : "some came back changed"));
            }
            if (in.read() >= 0) {
                throw new IOException("more came back than was sent");
            }
            writer.join(TIMEOUT_MS);
        }
    }

    private static void write(Socket socket, byte[] bytes) {
        try {
            OutputStream out = socket.getOutputStream();
            out.write(bytes);
            socket.shutdownOutput();
        } catch (IOException e) {
            // the reader will find too little
        }
    }
}
