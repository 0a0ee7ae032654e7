/** Sluice: a non-blocking reactor server to import. The program around it is in packages that are not exported. */
module dev.sluice {
    requires org.slf4j;
    requires static info.picocli;
    requires static org.jline.terminal;
    requires static org.jline.reader;
    requires static ch.qos.logback.classic;
    requires static ch.qos.logback.core;
    requires static jdk.unsupported;

    exports dev.sluice;
    exports dev.sluice.service;

    opens dev.sluice.cli to info.picocli;
}
