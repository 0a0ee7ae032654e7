package dev.sluice.threads;

class StreamHandlersOnPlatformTest extends StreamHandlerContract {

    @Override
    Threads threads() {
        return Threads.platform();
    }
}
