package dev.sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A range holds what its notation says, and what is no notation is refused. */
class AddressRangeTest {

    @ParameterizedTest
    @CsvSource({
            "10.0.0.0/8, 10.0.0.0, 10.255.255.255, 9.255.255.255, 11.0.0.0",
            "192.0.2.128/25, 192.0.2.128, 192.0.2.255, 192.0.2.127, 192.0.3.0",
            "192.0.2.1, 192.0.2.1, 192.0.2.1, 192.0.2.0, 192.0.2.2",
            "192.0.2.1/32, 192.0.2.1, 192.0.2.1, 192.0.2.0, 192.0.2.2",
            "0.0.0.0/0, 0.0.0.0, 255.255.255.255, ::, ::1",
            "fd00::/8, fd00::, fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, fcff::, fe00::",
            "2001:db8::/33, 2001:db8::, 2001:db8:7fff:ffff:ffff:ffff:ffff:ffff, 2001:db8:8000::, 2001:db7::",
            "::1, ::1, ::1, ::, ::2",
            "::/0, ::, ffff::, 0.0.0.0, 10.0.0.1",
            "::ffff:10.0.0.0/104, 10.0.0.0, 10.255.255.255, 9.255.255.255, 11.0.0.0",
            "::ffff:0:0/96, 0.0.0.0, 255.255.255.255, ::, ::1",
            "::ffff:10.0.0.1, 10.0.0.1, ::ffff:10.0.0.1, 10.0.0.2, ::10.0.0.1"})
    void holdsItsAddressesAndNoOthers(String range, String first, String last, String before, String behind) throws UnknownHostException {
        AddressRange read = AddressRange.of(range);
        for (String in : new String[] {first, last}) {
            assertTrue(read.contains(InetAddress.getByName(in)), in);
        }
        for (String out : new String[] {before, behind}) {
            assertTrue(!read.contains(InetAddress.getByName(out)), out);
        }
        assertEquals(read, AddressRange.of(read.toString()));
        assertEquals(read.hashCode(), AddressRange.of(read.toString()).hashCode());
    }

    @ParameterizedTest
    @ValueSource(strings = {
            "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.1/8", "10/8", "10.0.0/8", "localhost",
            "10.0.0.0 /8", " 10.0.0.0/8", "010.0.0.0/8", "0x0a.0.0.0/8", "256.0.0.0/8", "::/129", "fd00::1/8", "fe80::1%lo", "::ffff:10.0.0.0/95",
            "::ffff:10.0.0.0/8", "1:2", ":::", "1::2::3", "[::1]", "*", "10.0.0.0/2147483648", "1\u0661.0.0.0/8", "\uff11::"})
    void whatIsNoRangeIsRefusedAndQuoted(String text) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> AddressRange.of(text));
        assertTrue(e.getMessage().startsWith("'" + text + "' is no "), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({"10.0.0.0/8, 10.0.0.0/9", "10.0.0.0/8, 11.0.0.0/8", "::/0, 0.0.0.0/0"})
    void otherRangesAreNotEqual(String one, String other) {
        assertNotEquals(AddressRange.of(one), AddressRange.of(other));
    }
}
