package dev.sluice.program.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

/** Sizes, durations, addresses and words, as the command line reads them. */
class ConvertersTest {

    @ParameterizedTest
    @CsvSource({
        "0, 0", "1, 1", "17b, 17", "64k, 65536", "64K, 65536", "64KiB, 65536", "1MiB, 1048576", "8m, 8388608",
        "2GiB, 2147483648", "3 k, 3072"
    })
    void sizesHaveAUnitOrAreBytes(String text, long bytes) {
        assertEquals(bytes, new ByteSize().convert(text));
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "17, 17", "1023, 1023", "1025, 1025", "65536, 64KiB", "1048576, 1MiB", "1537024, 1501KiB", "2147483648, 2GiB", "1099511627776, 1024GiB"})
    void sizesAreWrittenAsTheyAreRead(long bytes, String text) {
        assertEquals(text, ByteSize.text(bytes));
        assertEquals(bytes, new ByteSize().convert(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "k", "-1", "1.5k", "64kb", "1TB", "99999999999999999999", "9999999999999GiB"})
    void otherSizesAreRefusedAndQuoted(String text) {
        TypeConversionException e = assertThrows(TypeConversionException.class, () -> new ByteSize().convert(text));
        assertTrue(e.getMessage().startsWith("'" + text + "' "), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({"0, PT0S", "0s, PT0S", "500ms, PT0.5S", "5s, PT5S", "5m, PT5M", "5min, PT5M", "2h, PT2H", "1d, PT24H"})
    void durationsHaveAUnitAndZeroNeedsNone(String text, String iso) {
        assertEquals(Duration.parse(iso), new DurationText().convert(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"0s", "50us", "1500us", "1ms", "500ms", "1s", "90s", "5m", "2h", "25h", "1d", "365d"})
    void durationsAreWrittenAsTheyAreRead(String text) {
        assertEquals(text, DurationText.text(new DurationText().convert(text)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"5", "", "s", "-5s", "1.5s", "5 weeks", "5y", "99999999999999999999s", "999999999999999999d"})
    void otherDurationsAreRefusedAndQuoted(String text) {
        TypeConversionException e = assertThrows(TypeConversionException.class, () -> new DurationText().convert(text));
        assertTrue(e.getMessage().startsWith("'" + text + "' "), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1, 127.0.0.1:7", "::1, [::1]:7", "::, [::]:7", "fe80::1, [fe80::1]:7", "2001:db8:0:0:1:0:0:1, [2001:db8::1:0:0:1]:7",
        "1:0:2:0:3:0:4:0, [1:0:2:0:3:0:4:0]:7"
    })
    void addressesAreWrittenAsPeopleWriteThem(String address, String text) throws Exception {
        assertEquals(text, HostAddress.text(InetAddress.getByName(address), 7));
    }

    @Test
    void loopsMayBeOneForEachCore() {
        assertEquals(3, new Loops().convert("3"));
        assertEquals(Runtime.getRuntime().availableProcessors(), new Loops().convert("auto"));
        assertThrows(TypeConversionException.class, () -> new Loops().convert("many"));
    }
}
