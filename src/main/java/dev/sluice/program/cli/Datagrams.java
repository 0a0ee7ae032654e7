package dev.sluice.program.cli;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/** The client's end of UDP: each line is a datagram, and each answer is printed. Nobody tells that one was the last. */
final class Datagrams implements AutoCloseable {

    private static final int LONGEST = 65_535;

    private final HostPort peer;
    private final DatagramSocket socket;
    private final Answers answers = new Answers();
    private final DatagramPacket packet = new DatagramPacket(new byte[LONGEST], LONGEST);

    private volatile boolean inputEnded;
    private volatile IOException sendFailure;
    private volatile IOException inputFailure;

    /** Connected, so that the system tells when nobody listens there. */
    Datagrams(HostPort peer, Duration wait) throws Failure, IOException {
        this.peer = peer;
        this.socket = new DatagramSocket();
        try {
            socket.connect(new InetSocketAddress(InetAddress.getByName(peer.host()), peer.port()));
            socket.setSoTimeout((int) Math.max(1, Math.min(Integer.MAX_VALUE, wait.toMillis()))); // 0 would wait for ever
        } catch (UnknownHostException e) {
            socket.close();
            throw new Failure("cannot connect to " + peer + ": no such host", e);
        } catch (Throwable t) { // a network that is not there
            socket.close();
            throw t;
        }
    }

    /** Sends each text and prints an answer; where none comes, goes on. */
    void exchange(List<String> texts, String eol) throws IOException, Failure {
        for (String text : texts) {
            send((text + eol).getBytes(StandardCharsets.UTF_8));
            printNext();
        }
    }

    /** Sends standard input line by line; ends when that has ended, and no answer came for as long as one is waited for. */
    void pipe() throws IOException, Failure {
        Thread sender = new Thread(this::sendInput, "sluice-client-send");
        sender.setDaemon(true);
        sender.start();
        for (boolean ended = false, came = true; came || !ended; ) {
            ended = inputEnded; // before the wait, which may begin while lines are sent
            came = printNext();
        }
        if (inputFailure != null) {
            throw new Failure("standard input: " + Failure.reason(inputFailure), inputFailure);
        }
        if (sendFailure != null) {
            throw sendFailure;
        }
    }

    private void sendInput() {
        try (InputStream in = new BufferedInputStream(new FileInputStream(FileDescriptor.in))) {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int b; (b = read(in)) >= 0; ) {
                line.write(b);
                if (b == '\n') {
                    send(line.toByteArray());
                    line.reset();
                } else if (line.size() > LONGEST) {
                    throw new IOException("no datagram holds a line of more than " + LONGEST + " bytes");
                }
            }
            if (line.size() > 0) {
                send(line.toByteArray());
            }
        } catch (IOException e) {
            sendFailure = e;
        } finally {
            inputEnded = true;
        }
    }

    private int read(InputStream in) throws IOException {
        try {
            return in.read();
        } catch (IOException e) {
            inputFailure = e;
            throw e;
        }
    }

    private void send(byte[] data) throws IOException {
        socket.send(new DatagramPacket(data, data.length));
    }

    /** Prints one answer; false if none came in time. */
    private boolean printNext() throws IOException, Failure {
        try {
            packet.setLength(LONGEST);
            socket.receive(packet);
        } catch (SocketTimeoutException e) {
            return false;
        } catch (PortUnreachableException e) {
            throw new Failure("cannot reach " + peer + ": nobody listens there", e);
        }
        answers.print(ByteBuffer.wrap(packet.getData(), 0, packet.getLength()), true);
        return true;
    }

    @Override
    public void close() {
        socket.close();
    }
}
