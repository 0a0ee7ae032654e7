package dev.sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.InetSocketAddress;
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
    }
}
