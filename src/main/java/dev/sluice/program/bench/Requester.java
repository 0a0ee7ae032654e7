package dev.sluice.program.bench;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import java.nio.ByteBuffer;

/**
 * One connection of a load. It sends requests, checks every byte of their answers, and knows when each was planned and sent. In a closed
 * loop a request is planned when there is room for it. In an open loop it has its time; a request without room waits, and its latency
 * runs. Belongs to the loop.
 */
final class Requester implements Handler {

    private final Load load;
    private final LoadPlan plan;
    private final Content content;
    private final Tally tally;
    private final int number;
    private final long start;

    /** The times at which the requests in flight were planned and sent; the oldest is at {@link #oldest}. */
    private final long[] plannedNs;

    private final long[] sentNs;
    private int oldest;
    private int inFlight;

    /** Requests of an open loop whose time has come and that are not sent yet. */
    private long waiting;

    private long sent;
    private long receivedBytes;
    private int missing;
    private Connection connection;
    private boolean lost;

    Requester(Load load, LoadPlan plan, Content content, Tally tally, int number) {
        this.load = load;
        this.plan = plan;
        this.content = content;
        this.tally = tally;
        this.number = number;
        this.start = Content.start(number);
        this.missing = plan.size();
        this.plannedNs = new long[plan.pipeline()];
        this.sentNs = new long[plan.pipeline()];
    }

    // ---- requests -----------------------------------------------------------------------------------------------------

    /** Sends as many requests as there is room for. */
    void send(long nowNs) {
        while (inFlight < plan.pipeline() && !lost && (plan.isOpenLoop() ? waiting > 0 : load.isOn())) {
            send(plan.isOpenLoop() ? plannedNs(sent) : nowNs, nowNs);
        }
    }

    private void send(long planned, long nowNs) {
        int slot = (oldest + inFlight++) % plannedNs.length;
        plannedNs[slot] = planned;
        sentNs[slot] = nowNs;
        if (plan.isOpenLoop()) {
            waiting--;
        } else {
            tally.planned(planned);
        }
        connection.write(content.request(start + sent++ * plan.size(), plan.size()));
    }

    /** The time of the next request of an open loop has come. */
    void release(long nowNs) {
        tally.planned(plannedNs(sent + waiting));
        waiting++;
        if (lost) {
            loseWaiting();
        } else {
            send(nowNs);
        }
    }

    /** The requests of an open loop go round the connections. */
    private long plannedNs(long request) {
        return load.plannedNs(number + request * plan.connections());
    }

    // ---- answers ------------------------------------------------------------------------------------------------------

    @Override
    public void onOpen(Connection self) {
        connection = self;
        load.tried(true);
    }

    @Override
    public void onRead(Connection self, ByteBuffer in) {
        int length = in.remaining();
        if (length > sent * plan.size() - receivedBytes || !content.matches(in, start + receivedBytes)) {
            fail(LoadError.WRONG);
            self.abort();
            return;
        }
        receivedBytes += length;
        long nowNs = System.nanoTime();
        for (missing -= length; missing <= 0; missing += plan.size()) {
            tally.answered(plannedNs[oldest], sentNs[oldest], nowNs);
            oldest = (oldest + 1) % plannedNs.length;
            inFlight--;
        }
        send(nowNs);
    }

    @Override
    public void onClose(Connection self, CloseReason reason) {
        if (load.isOver()) {
            return;
        }
        tally.cause(reason.cause());
        switch (reason.kind()) {
            case CONNECT_FAILURE -> fail(LoadError.CONNECT);
            case PEER -> fail(LoadError.ENDED);
            default -> fail(LoadError.RESET);
        }
        if (connection == null) {
            load.tried(false);
        } else {
            load.lost();
        }
    }

    private void fail(LoadError error) {
        if (lost) {
            return; // the reason that came first stands
        }
        lost = true;
        tally.error(error);
        loseAll();
    }

    /** No more answers will come: requests without one are counted as unanswered. */
    void loseAll() {
        lost = true;
        for (; inFlight > 0; inFlight--) {
            tally.lost(plannedNs[oldest], LoadError.UNANSWERED);
            oldest = (oldest + 1) % plannedNs.length;
        }
        loseWaiting();
    }

    private void loseWaiting() {
        for (; waiting > 0; waiting--) {
            tally.lost(plannedNs(sent++), LoadError.UNSENT);
        }
    }
}
