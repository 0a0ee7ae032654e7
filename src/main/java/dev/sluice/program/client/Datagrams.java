package dev.sluice.program.client;

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

/** A UDP client: sends each line as a datagram and prints each answer. No datagram says that it is the last, so a wait without one ends it. */
public final class Datagrams implements AutoCloseable {

    private static final int LONGEST = 65_535;

    private final HostPort peer;
    private final DatagramSocket socket;
    private final Answers answers = new Answers();
    private final DatagramPacket packet = new DatagramPacket(new byte[LONGEST], LONGEST);

    private volatile boolean inputEnded;
    private volatile IOException sendFailure;
    private volatile IOException inputFailure;

    /** Connects the socket, so that the system reports when no process listens there. */
    public Datagrams(HostPort peer, Duration wait) throws Failure, IOException {
        this.peer = peer;
        this.socket = new DatagramSocket();
        try {
            socket.connect(new InetSocketAddress(InetAddress.getByName(peer.host()), peer.port()));
            socket.setSoTimeout(Connecting.millis(wait));
        } catch (UnknownHostException e) {
            socket.close();
            throw new Failure("cannot connect to " + peer + ": no such host", e);
        } catch (Throwable t) { // such as an unreachable network
            socket.close();
            throw t;
        }
    }

    /** Sends each text and prints one answer to it, if one comes in time. */
    public void exchange(List<String> texts, String eol) throws IOException, Failure {
        for (String text : texts) {
            send((text + eol).getBytes(StandardCharsets.UTF_8));
            printNext();
        }
    }

    /** Sends standard input line by line; returns when it has ended and no further answer came in time. */
    public void pipe() throws IOException, Failure {
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
