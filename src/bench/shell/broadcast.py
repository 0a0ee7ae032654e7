#!/usr/bin/env python3
"""Server CPU for a line that chat delivers to each of a thousand clients, beside a loop that does nothing but one write call for each.

    mvn -q -Pbench test-compile package -DskipTests      (once)
    src/bench/shell/broadcast.py [--rounds 10] [--lines 300] [--clients 1000] [--java HOME]
"""
import os, select, socket, statistics
import servers
from servers import JVM, LOAD_CORE, ROOT, Workshop, median, rounds

LINE = 64


class Crowd:
    """One client that talks and many that listen. A line is sent when all have the one before it."""

    def __init__(self, server, clients):
        self.server = server
        self.talker = socket.create_connection(("127.0.0.1", int(server.port)))
        self.talker.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.epoll = select.epoll()
        self.listeners = {}
        for _ in range(clients):
            listener = socket.create_connection(("127.0.0.1", int(server.port)))
            listener.setblocking(False)
            self.listeners[listener.fileno()] = listener
            self.epoll.register(listener, select.EPOLLIN)
        waiting = set(self.listeners)
        while waiting:  # a client that is not admitted yet does not hear it
            self.talker.sendall(b"mark\n")
            for fd, data in self.until_silence():
                lines = [line for line in data.split(b"\n") if line.endswith(b"mark")]
                if lines:
                    waiting.discard(fd)
                    prefix = lines[0][:-len(b"mark")]
        self.said = b"x" * (LINE - len(prefix) - 1) + b"\n"
        self.delivered = prefix + self.said

    def until_silence(self):
        while ready := self.epoll.poll(0.5):
            for fd, _ in ready:
                data = self.listeners[fd].recv(1 << 20)
                if not data:
                    raise SystemExit(f"{self.server.name} let one of {len(self.listeners)} go")
                yield fd, data

    def say(self):
        self.talker.sendall(self.said)
        missing = len(self.listeners)
        while missing:
            ready = self.epoll.poll(10)
            if not ready:
                raise SystemExit(f"{self.server.name}: {missing} did not get the line")
            for fd, _ in ready:
                if self.listeners[fd].recv(1 << 16) != self.delivered:
                    raise SystemExit(f"{self.server.name}: a line came in pieces, or changed")
                missing -= 1

    def measure(self, lines):
        """Nanoseconds of the server's CPU for a delivered line."""
        before = self.server.cpu_ns()
        for _ in range(lines):
            self.say()
        return (self.server.cpu_ns() - before) / lines / len(self.listeners)


def main():
    options = servers.options(rounds=10, lines=300, clients=1000)
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    with Workshop(options.java) as workshop:
        bare = workshop.jvm("bare.BareBroadcast")
        chat = [workshop.java, *JVM, "-jar", str(ROOT / "target/sluice"), "serve", "chat", "-p", "0", "-q"]
        rooms = [workshop.start("chat", chat), workshop.start("bare", bare), workshop.start("chat again", chat)]
        crowds = {server.name: Crowd(server, options.clients) for server in rooms}
        table = rounds(options.rounds, rooms, lambda server: crowds[server.name].measure(options.lines))
        for name in table[0]:
            print(f"  {name:12} {statistics.median(row[name] for row in table) / 1e3:.2f} us of CPU for a delivered line")
        for other in ["bare", "chat again"]:
            print(f"  chat against {other:12} {median(row['chat'] / row[other] for row in table)}")


main()
