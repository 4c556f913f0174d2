"""Clients over raw sockets, in one thread: an open loop, whose requests are due at times of their own, whatever the server does,
and a closed one, where each caller asks again when it is answered."""

import collections
import contextlib
import errno
import heapq
import itertools
import os
import select
import socket
import time

from . import wire
from .exchange import ANSWERED, CLOSED, CUT, GAVE_UP, REFUSED, Exchange, refusal_pause

clock = time.monotonic
READING, WRITING = select.EPOLLIN, select.EPOLLIN | select.EPOLLOUT
LONGEST_WAIT = 0.1  # seconds between two looks at `stop`
RECEIVED_AT_ONCE = 1 << 18  # bytes


@contextlib.contextmanager
def attentive():
    """This process before all others, where the user may: the clients stand for other machines, and must not wait for a processor that
    the server keeps busy. By a real-time class, since niceness counts only within a session (sched(7), autogroups)."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


class Connection:
    __slots__ = ("socket", "exchange", "unsent", "answer", "events")

    def __init__(self, opened):
        self.socket = opened
        self.exchange = None
        self.unsent = memoryview(b"")
        self.answer = None
        self.events = WRITING


class Clients:
    """Callers of one server. `message` is what each request sends; it may be exchanged while they run.

    A request takes an idle connection, the one that was used last, or opens one. A client that waits `patience` seconds, counted
    from when its request was due, gives up by closing its connection. `sources` are the addresses that they come from, in turns.
    """

    def __init__(self, port, message, keep_alive=True, patience=60.0, sources=("127.0.0.1",)):
        self.port, self.message, self.keep_alive, self.patience = port, message, keep_alive, patience
        self.sources = itertools.cycle(sources)
        self.epoll = select.epoll()
        self.connections = {}  # by descriptor
        self.idle = []
        self.waiting = collections.deque()  # connections with exchanges, by when these were due
        self.busy = 0
        self.ended = []

    def run(self, due, again=None, stop=None, within=None):
        """Exchanges, in the order in which they ended, of requests that are due at `due`, seconds from now.

        `again(exchange)` is asked after each: when this caller's next request is due, on the clock, or None. What is under way when
        `stop()` is true, or after `within` seconds, is cut.
        """
        began = clock()
        last = began + within if within is not None else None
        due = [began + time for time in due]
        heapq.heapify(due)
        self.ended = ended = []
        seen = 0
        while (due or self.busy) and not (stop and stop()):
            now = clock()
            if last is not None and now >= last:
                break
            while due and due[0] <= now:
                self.begin(heapq.heappop(due))
            self.give_up(now)
            pause = LONGEST_WAIT
            if due:
                pause = min(pause, due[0] - clock())
            if last is not None:
                pause = min(pause, last - clock())
            if self.waiting:
                pause = min(pause, self.waiting[0][1].due + self.patience - clock())
            self.step(max(pause, 0))
            while again and seen < len(ended):
                if (next_due := again(ended[seen])) is not None:
                    heapq.heappush(due, next_due)
                seen += 1
        for connection in [held for held in self.connections.values() if held.exchange]:
            self.end(connection, CUT)
        return ended

    def closed_loop(self, callers, within=None, stop=None, pause=refusal_pause):
        """Exchanges of `callers` that ask again `pause(exchange)` seconds after each has ended; without a word only after a refusal."""
        return self.run([0.0] * callers, lambda exchange: clock() + pause(exchange), stop, within)

    def step(self, pause):
        # select, since its timeout has microseconds and that of epoll milliseconds
        if select.select([self.epoll], [], [], pause)[0]:
            for descriptor, _ in self.epoll.poll(0):
                if connection := self.connections.get(descriptor):
                    self.move(connection)

    def begin(self, due):
        exchange = Exchange(due, self.message)
        connection = self.idle.pop() if self.idle else self.open()
        if connection is None:
            exchange.end = REFUSED
            self.ended.append(exchange)
            return
        connection.exchange, connection.answer = exchange, wire.Answer()
        connection.unsent = memoryview(exchange.message)
        self.busy += 1
        self.waiting.append((connection, exchange))
        if connection.events == READING:  # else it is not connected yet
            self.send(connection)

    def open(self):
        """A connection under way; None when there are no descriptors or ports left."""
        try:
            opened = socket.socket()
            opened.setblocking(False)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # the port is chosen by the pair of addresses
            opened.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
            opened.bind((next(self.sources), 0))
            if opened.connect_ex(("127.0.0.1", self.port)) not in (0, errno.EINPROGRESS):
                opened.close()
                return None
        except OSError:
            return None
        connection = Connection(opened)
        self.connections[opened.fileno()] = connection
        self.epoll.register(opened.fileno(), WRITING)
        return connection

    def watch(self, connection, events):
        if connection.events != events:
            connection.events = events
            self.epoll.modify(connection.socket.fileno(), events)

    def send(self, connection):
        if connection.unsent:
            try:
                sent = connection.socket.send(connection.unsent)
            except BlockingIOError:
                sent = 0
            except OSError:
                return self.end(connection, REFUSED if connection.exchange.sent is None else CLOSED)
            if sent and connection.exchange.sent is None:
                connection.exchange.sent = clock()
            connection.unsent = connection.unsent[sent:]
        self.watch(connection, WRITING if connection.unsent else READING)

    def move(self, connection):
        """Takes what has come; a server may answer before it has all of the request."""
        try:
            part = connection.socket.recv(RECEIVED_AT_ONCE)
        except BlockingIOError:
            return self.send(connection)
        except OSError:
            part = b""
        exchange = connection.exchange
        if exchange is None:  # an idle one that the server closes, or a byte that nobody asked for
            return self.drop(connection)
        if part and not connection.answer.take(part):
            return
        if not part and not connection.answer.ended():
            return self.end(connection, CLOSED if exchange.sent is not None else REFUSED)
        exchange.status, exchange.retry_after = connection.answer.status, connection.answer.retry_after
        exchange.answered = clock()
        self.end(connection, ANSWERED)

    def end(self, connection, how):
        exchange = connection.exchange
        exchange.end = how
        self.ended.append(exchange)
        self.busy -= 1
        reusable = how == ANSWERED and self.keep_alive and not connection.answer.closes and not connection.unsent
        connection.exchange = connection.answer = None
        if reusable:
            self.idle.append(connection)
        else:
            self.drop(connection)

    def give_up(self, now):
        while self.waiting:
            connection, exchange = self.waiting[0]
            if exchange.end is None:
                if exchange.due + self.patience > now:
                    return
                self.end(connection, GAVE_UP)
            self.waiting.popleft()

    def drop(self, connection):
        self.connections.pop(connection.socket.fileno(), None)
        if connection in self.idle:
            self.idle.remove(connection)
        connection.socket.close()  # which takes it out of the epoll set

    def close(self):
        for connection in list(self.connections.values()):
            connection.socket.close()
        self.connections.clear()
        self.epoll.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
