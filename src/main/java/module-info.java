/**
 * A non-blocking {@code java.nio} reactor server. The library needs slf4j and nothing else; what the program
 * ({@code dev.sluice.cli}) needs besides is optional.
 */
@SuppressWarnings("requires-automatic") // JLine; only the program, which runs on the class path, uses it
module dev.sluice {
    requires org.slf4j;
    requires static ch.qos.logback.classic;
    requires static ch.qos.logback.core;
    requires static info.picocli;
    requires static jdk.jfr;
    requires static jdk.unsupported;
    requires static org.jline.reader;
    requires static org.jline.terminal;

    exports dev.sluice;
    exports dev.sluice.service;
    exports dev.sluice.simulation;
    exports dev.sluice.threads;
}
