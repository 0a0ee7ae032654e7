package dev.sluice.examples;

import dev.sluice.ServerOptions;
import dev.sluice.reactor.Reactor;
import dev.sluice.reactor.ReactorServer;
import dev.sluice.simulation.Conditions;
import dev.sluice.simulation.Peer;
import dev.sluice.simulation.SimulatedNetwork;
import java.io.IOException;
import java.time.Duration;

public final class SimulatedEcho {
    public static void main(String[] args) throws IOException {
        SimulatedNetwork network = new SimulatedNetwork(Long.parseLong(args[0]), Conditions.BAD);
        Reactor reactor = Reactor.open(network.clock(), network);
        ReactorServer server = ReactorServer.open(
                reactor, network, network.address(0), ServerOptions.defaults(), connection -> (self, in) -> self.write(in));
        Peer peer = network.connect(server.address());
        peer.onReceived(bytes -> System.out.println(bytes.length + " bytes at " + network.clock().getAsLong() / 1_000_000 + " ms"));
        peer.send(new byte[5_000]);
        while (peer.received().length < 5_000 && !peer.isReset()) {
            reactor.runOnce(Duration.ofSeconds(1));
        }
        reactor.close();
    }
}
