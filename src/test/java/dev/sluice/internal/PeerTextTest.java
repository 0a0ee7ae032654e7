package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeerTextTest {

    @Test
    void everyAddressHasAName() {
        assertEquals("/127.0.0.1:7", PeerText.of(new InetSocketAddress("127.0.0.1", 7)));
        assertEquals("unix:/run/x", PeerText.of(UnixDomainSocketAddress.of("/run/x")));
        assertEquals("unix client", PeerText.of(UnixDomainSocketAddress.of("")));
        assertEquals("null", PeerText.of(null));
    }

    @Test
    void clientIsNamedByItsCredentials(@TempDir Path directory) throws Exception {
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(directory.resolve("door"));
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(address);
            try (SocketChannel client = SocketChannel.open(address);
                    SocketChannel accepted = server.accept()) {
                String text = PeerText.of(accepted.getRemoteAddress(), accepted);
                String user = System.getProperty("user.name");
                assertTrue(text.startsWith("unix client (user " + user + ", group "), text);
                assertEquals("unix:" + address, PeerText.of(client.getRemoteAddress(), client));
            }
        }
    }
}
