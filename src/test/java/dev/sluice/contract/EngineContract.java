package dev.sluice.contract;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A contract of every engine. A subclass holds the tests of one topic, {@code TopicContractTest}, and runs on each {@link Engine} without
 * being listed anywhere. The clients are plain sockets, the clock is the real one; after each test {@link Rig} checks that nothing is left.
 *
 * <p>{@code mvn test -Dtest=DrainContractTest} runs one topic, {@code -Dtest='*ContractTest' -Dsluice.engine=pool} one engine.
 * With {@code -Dsluice.door=unix} the clients connect to Unix-domain sockets.
 */
@ParameterizedClass(name = "{0}")
@MethodSource("dev.sluice.contract.Engine#chosen")
@ExtendWith(FailuresNameTheirEngine.class)
@Timeout(60)
abstract class EngineContract {

    static final Handler ECHO = (self, in) -> self.write(in);
    static final Handler DEAF = (self, in) -> in.position(in.limit());

    @Parameter
    Engine engine;

    Rig rig;

    Rig serve(ServerOptions.Builder options, Function<Connection, Handler> handlers) throws IOException {
        rig = new Rig(engine, options, handlers);
        return rig;
    }

    Rig serve(Handler handler) throws IOException {
        return serve(ServerOptions.builder(), connection -> handler);
    }

    /** The topic and the engine, for what a test prints. */
    String name() {
        return getClass().getSimpleName() + " " + engine;
    }

    static ByteBuffer text(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    static String text(ByteBuffer bytes) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        return new String(copy, StandardCharsets.ISO_8859_1);
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        if (rig != null) {
            rig.close();
        }
    }

    /** Answers each read with "the answer", by work that is offloaded and waits for a gate. */
    static Handler answeringBehind(CountDownLatch gate) {
        return (self, in) -> {
            in.position(in.limit());
            self.offload(() -> {
                gate.await();
                return "the answer";
            }, (answer, failure) -> self.write(text(answer)));
        };
    }

    /** A handler that reads what comes; a test says what its last callback does. */
    interface Ending extends Handler {
        @Override
        default void onRead(Connection self, ByteBuffer in) {
            in.position(in.limit());
        }

        @Override
        void onClose(Connection self, CloseReason reason) throws Exception;
    }
}
