/**
 * A non-blocking {@code java.nio} reactor server. The library needs slf4j and nothing else. The program ({@code dev.sluice.program}) is not in the library's jar and runs on the class path, with what it needs
 * besides. The simulated network ({@code dev.sluice.simulation}), a kit for tests, is a jar of its own.
 */
module dev.sluice {
    requires org.slf4j;
    requires static jdk.jfr;
    requires static jdk.management;
    requires static jdk.unsupported;

    exports dev.sluice;
    exports dev.sluice.codec;
    exports dev.sluice.datagram;
    exports dev.sluice.reactor;
    exports dev.sluice.threads;
}
