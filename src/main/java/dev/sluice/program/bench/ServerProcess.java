package dev.sluice.program.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/**
 * The main class of a server's own process. It prints {@code READY PORT}, or {@code CANNOT} and the reason. To {@code memory} on its
 * standard input it answers {@code HEAP} and the bytes in use after a collection. The end of its standard input ends it, so that it does
 * not outlive the process that started it.
 */
public final class ServerProcess {

    /** Collections before the heap is read: objects that the first one finalizes, the second one frees. */
    private static final int COLLECTIONS = 3;

    private ServerProcess() {}

    /**
     * Serves an echo until standard input ends.
     *
     * @param args the engine, as on the command line
     * @throws IOException if standard input cannot be read
     */
    public static void main(String[] args) throws IOException {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        EngineSpec spec = EngineSpec.parse(args[0]);
        Contender contender = Contender.named(spec.name());
        String whyNot = contender == null ? "is not on the class path" : contender.whyNot();
        if (whyNot != null) {
            out.println("CANNOT " + whyNot);
            return;
        }
        try (Contender.Running server = contender.start(spec, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
            out.println("READY " + server.address().getPort());
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line; (line = in.readLine()) != null; ) {
                if (line.equals("memory")) {
                    out.println("HEAP " + heap());
                }
            }
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            out.println("CANNOT " + e);
        }
    }

    private static long heap() {
        for (int i = 0; i < COLLECTIONS; i++) {
            System.gc();
        }
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }
}
