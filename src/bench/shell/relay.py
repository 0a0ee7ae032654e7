#!/usr/bin/env python3
"""The relay's CPU for a request, beside HAProxy's in TCP mode with buffers as large: the same echo behind both, the same load before both.

    mvn -q -Pbench test-compile package -DskipTests      (once)
    src/bench/shell/relay.py [--rounds 10] [--size 64k] [--connections 16] [--pipeline 2] [--rate 0] [--java HOME]     needs haproxy
"""
import shutil, socket, statistics, sys
import servers
from servers import ROOT, Workshop, median, rounds

CONFIGURATION = """
global
    nbthread 1
    maxconn 2000
    tune.bufsize 65536
defaults
    mode tcp
    timeout connect 5s
    timeout client 5m
    timeout server 5m
listen relay
    bind 127.0.0.1:{port}
    server echo 127.0.0.1:{echo}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def main():
    options = servers.options(rounds=10, size="64k", connections="16", pipeline="2", rate="0")
    if not shutil.which("haproxy"):
        sys.exit("haproxy is missing")
    load = ["-s", options.size, "-c", options.connections, "-P", options.pipeline, "-R", options.rate, "-d", "2s", "-w", "500ms"]
    with Workshop(options.java) as workshop:
        echo = workshop.contender("reactor").port
        ours = [str(ROOT / "target/sluice"), "serve", "proxy", "--to", f"127.0.0.1:{echo}", "-p", "0", "-q"]
        port = free_port()
        file = workshop.folder / "haproxy.cfg"
        file.write_text(CONFIGURATION.format(port=port, echo=echo))
        relays = [workshop.start("sluice", ours), workshop.start("sluice again", ours),
                  workshop.start("haproxy", ["haproxy", "-q", "-db", "-f", str(file)], port)]

        def measure(server):
            result = workshop.load(server, *load)
            return result["usage"]["serverNs"] / 1e3 / result["answered"]

        table = rounds(options.rounds, relays, measure)
        for name in table[0]:
            print(f"  {name:12} {statistics.median(row[name] for row in table):.2f} us of CPU for a request")
        for other in ["haproxy", "sluice again"]:
            print(f"  sluice against {other:12} {median(row['sluice'] / row[other] for row in table)}")


main()
