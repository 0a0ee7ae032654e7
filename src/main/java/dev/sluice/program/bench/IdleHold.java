package dev.sluice.program.bench;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.reactor.Connector;
import dev.sluice.reactor.Reactor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** Idle connections: each asks for one answer and then does nothing, as most connections of most servers do most of the time. */
final class IdleHold implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int CONNECTING_AT_ONCE = 64;

    private final LoadPlan plan;
    private final Content content;
    private final Connector connector;
    private final Reactor reactor;
    private final CompletableFuture<Integer> answered = new CompletableFuture<>();
    private int attempted;
    private int done;
    private int open;

    private IdleHold(LoadPlan plan) throws IOException {
        this.plan = plan;
        this.content = new Content(plan.size(), plan.expect());
        this.reactor = Reactor.open();
        this.connector = Connector.open(reactor, ServerOptions.builder()
                .maxConnections(plan.connections())
                .idleTimeout(Duration.ZERO)
                .build());
    }

    /** Returns when each connection has its answer, or has failed. */
    static IdleHold open(LoadPlan plan) throws IOException {
        IdleHold hold = new IdleHold(plan);
        for (int i = 0; i < CONNECTING_AT_ONCE; i++) {
            hold.connectNext();
        }
        new Thread(hold::run, "sluice-hold").start();
        hold.answered.join();
        return hold;
    }

    int connections() {
        return answered.join();
    }

    private void run() {
        try {
            reactor.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            answered.complete(open);
        }
    }

    private void connectNext() {
        if (attempted < plan.connections()) {
            long start = Content.start(attempted++);
            connector.connect(new InetSocketAddress(plan.host(), plan.port()), PATIENCE, connection -> new Once(start));
        }
    }

    private void finished(boolean well) {
        open += well ? 1 : 0;
        if (++done == plan.connections()) {
            answered.complete(open);
        }
        connectNext();
    }

    /** One question, its answer, and then silence. */
    private final class Once implements Handler {
        private final long start;
        private int missing = plan.size();
        private boolean finished;

        Once(long start) {
            this.start = start;
        }

        @Override
        public void onOpen(Connection self) {
            self.write(content.request(start, plan.size()));
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            int length = in.remaining();
            if (length > missing || !content.matches(in, start + plan.size() - missing)) {
                self.abort();
                return;
            }
            missing -= length;
            if (missing == 0) {
                finish(true);
            }
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            finish(false);
        }

        private void finish(boolean well) {
            if (!finished) {
                finished = true;
                finished(well);
            }
        }
    }

    @Override
    public void close() {
        reactor.close();
    }
}
