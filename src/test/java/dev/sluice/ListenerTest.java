package dev.sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ListenerTest {

    private final Listener listener = Listener.at(new InetSocketAddress(7));

    @Test
    void settingIsChangedOnACopy() {
        Listener other = listener.withBacklog(8);
        assertEquals(1024, listener.backlog());
        assertEquals(8, other.backlog());
        assertEquals(listener.address(), other.address());
        assertNotEquals(listener, other);
        assertEquals(listener, other.withBacklog(1024));
        assertEquals(listener.hashCode(), other.withBacklog(1024).hashCode());
        assertNotEquals(listener, Listener.at(new InetSocketAddress(8)));
        assertEquals("Listener[address=0.0.0.0/0.0.0.0:7, backlog=8]", other.toString());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 65_536})
    void badBacklogNamesItselfItsRangeAndTheValue(int backlog) {
        InvalidOption bad = assertThrows(InvalidOption.class, () -> listener.withBacklog(backlog));
        assertEquals("backlog must be between 1 and 65535, was " + backlog, bad.getMessage());
    }

    @Test
    void listenerHasAnAddress() {
        assertThrows(NullPointerException.class, () -> Listener.at(null));
        assertThrows(IllegalArgumentException.class, () -> Listener.at(UnixDomainSocketAddress.of("")));
        assertThrows(IllegalArgumentException.class, () -> Listener.at(new SocketAddress() {
            private static final long serialVersionUID = 1;
        }));
    }

    @Test
    void fileHasAModeAndMayBeReplaced() {
        Listener unix = Listener.at(UnixDomainSocketAddress.of("/run/door"));
        assertEquals(OptionalInt.empty(), unix.mode());
        assertFalse(unix.replaces());
        Listener other = unix.withMode(0660).withReplace(true).withBacklog(8);
        assertEquals(OptionalInt.of(0660), other.mode());
        assertTrue(other.replaces());
        assertNotEquals(unix.withMode(0660), unix.withMode(0600));
        assertNotEquals(unix.withReplace(true), unix);
        assertEquals(other, unix.withBacklog(8).withReplace(true).withMode(0660));
        assertEquals("Listener[address=/run/door, backlog=8, mode=0660, replaces=true]", other.toString());
        assertEquals("Listener[address=/run/door, backlog=1024, mode=default, replaces=false]", unix.toString());
        assertEquals("mode must be between 0 and 511, was 512", assertThrows(InvalidOption.class, () -> unix.withMode(01000)).getMessage());
    }

    @Test
    void portHasNeither() {
        assertThrows(IllegalStateException.class, () -> listener.withMode(0660));
        assertThrows(IllegalStateException.class, () -> listener.withReplace(true));
    }
}
