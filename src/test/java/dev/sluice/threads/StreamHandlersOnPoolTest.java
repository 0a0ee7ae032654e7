package dev.sluice.threads;

class StreamHandlersOnPoolTest extends StreamHandlerContract {

    @Override
    Threads threads() {
        return Threads.pool(4);
    }
}
