#!/usr/bin/env python3
"""A bounded load of small requests through the proxy, from several kinds of client at once, that counts what fails.

One-shot clients start when they are due, however slow the answers are; each answer is checked byte for byte. A client
that keeps its connection looks whether it was closed before it sends, as every HTTP library does; a request that was
sent and got no whole, right answer is a failure, without exception and without another try."""
import argparse
import asyncio
import dataclasses
import itertools
import socket
import sys
import threading
import time
import zlib

from origin import known_bytes

TIMEOUT = 30.0


@dataclasses.dataclass(frozen=True)
class Proxy:
    """Where the proxy is: TCP (v4 or v6) or a Unix socket."""
    name: str
    family: int
    address: object


TCP4 = Proxy('tcp', socket.AF_INET, ('127.0.0.1', 3128))
TCP6 = Proxy('tcp6', socket.AF_INET6, ('::1', 3128))
UNIX = Proxy('unix', socket.AF_UNIX, '/run/connd/proxy.sock')


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(('::1', 0))
        return True
    except OSError:
        return False


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of client. `clients` is 0 where each request has a connection of its own."""
    name: str
    proxy: Proxy
    rate: float
    clients: int = 0
    method: str = 'GET'


KINDS = [
    Kind('one-shot', TCP4, 60), Kind('one-shot v6', TCP6 if has_ipv6() else TCP4, 20), Kind('one-shot unix', UNIX, 40),
    Kind('one-shot POST', TCP4, 20, method='POST'),
    Kind('keep-alive', TCP4, 30, clients=3), Kind('keep-alive unix', UNIX, 20, clients=2),
    Kind('keep-alive POST', TCP4, 10, clients=1, method='POST'),
]


@dataclasses.dataclass
class Outcome:
    kind: str
    began: float      # time.monotonic()
    seconds: float
    error: str | None

    @property
    def ended(self):
        return self.began + self.seconds


class Bad(Exception):
    """An answer that is not whole or not right."""


class Connection:
    def __init__(self, sock):
        self.sock, self.buffer = sock, b''

    @classmethod
    async def open(cls, proxy):
        sock = socket.socket(proxy.family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            if proxy.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, proxy.address)
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    def was_closed(self):
        try:
            seen = self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True
        if seen:
            raise Bad('bytes that nobody asked for on an idle connection')
        return True

    def close(self):
        self.sock.close()

    async def fill(self):
        more = await asyncio.get_running_loop().sock_recv(self.sock, 1 << 18)
        if not more:
            raise Bad(f'closed after {len(self.buffer)} bytes of the answer')
        self.buffer += more

    async def exchange(self, request):
        """The answer's status, fields and body."""
        await asyncio.get_running_loop().sock_sendall(self.sock, request)
        while b'\r\n\r\n' not in self.buffer:
            await self.fill()
        head, _, self.buffer = self.buffer.partition(b'\r\n\r\n')
        lines = head.decode('latin-1').split('\r\n')
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(':') for line in lines[1:])}
        length = int(fields.get('content-length', 0))
        while len(self.buffer) < length:
            await self.fill()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(lines[0].split(' ')[1]), fields, body


def ask(origin, path, proxy=TCP4):
    """One request on a connection of its own, now: the answer's status, fields and body."""
    async def do():
        connection = await Connection.open(proxy)
        try:
            head = f'GET {origin}{path} HTTP/1.1\r\nHost: {origin.removeprefix("http://")}\r\nConnection: close\r\n\r\n'
            return await connection.exchange(head.encode())
        except Bad as failure:
            raise ConnectionError(str(failure)) from failure
        finally:
            connection.close()

    return asyncio.run(asyncio.wait_for(do(), TIMEOUT))


class Load(threading.Thread):
    """Runs between start() and stop(). `outcomes` may be read while it runs."""

    marks = itertools.count(1)

    def __init__(self, origins, rate=200.0, kinds=KINDS):
        super().__init__(daemon=True)
        self.origins, self.kinds = list(origins), kinds
        self.factor = rate / sum(kind.rate for kind in kinds)
        self.outcomes = []
        self.over = threading.Event()

    # What the caller sees.

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the load; what was begun is waited for."""
        self.over.set()
        self.join()

    def failures(self, since=0.0):
        return [each for each in self.outcomes if each.error and each.began >= since]

    def longest(self, since=0.0, until=float('inf')):
        """The longest of those that ran at some moment of that time."""
        return max((each.seconds for each in self.outcomes if each.ended >= since and each.began <= until), default=0.0)

    def summary(self):
        times = sorted(each.seconds for each in self.outcomes) or [0.0]
        return (f'{len(self.outcomes)} requests, {len(self.failures())} failed, '
                f'median {times[len(times) // 2] * 1000:.1f} ms, longest {times[-1] * 1000:.0f} ms')

    def explain(self, limit=5):
        shown = [f'{each.kind}, begun {each.began:.3f}, after {each.seconds * 1000:.0f} ms: {each.error}'
                 for each in self.failures()[:limit]]
        return '\n'.join(shown)

    # What it does.

    def run(self):
        asyncio.run(self.main())

    async def main(self):
        await asyncio.gather(*(self.keeping(kind, number) if kind.clients else self.one_shots(kind)
                               for kind in self.kinds for number in range(kind.clients or 1)))

    def due_times(self, interval, phase):
        began = time.monotonic() + phase * interval
        return (began + interval * number for number in itertools.count())

    async def until(self, due):
        """False when the load is over first."""
        while not self.over.is_set():
            left = due - time.monotonic()
            if left <= 0:
                return True
            await asyncio.sleep(min(left, 0.05))
        return False

    async def one_shots(self, kind):
        running = set()
        for due in self.due_times(1 / (kind.rate * self.factor), 0.5):
            if not await self.until(due):
                break
            task = asyncio.create_task(self.one_shot(kind))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)

    async def one_shot(self, kind):
        async def do():
            connection = await Connection.open(kind.proxy)
            try:
                await self.ask(kind, connection, close=True)
            finally:
                connection.close()

        await self.recorded(kind, do())

    async def keeping(self, kind, number):
        kept = [None]

        async def do():
            connection, kept[0] = kept[0], None
            if connection and connection.was_closed():
                connection.close()
                connection = None
            connection = connection or await Connection.open(kind.proxy)
            if await self.ask(kind, connection, close=False):
                kept[0] = connection
            else:
                connection.close()

        interval = kind.clients / (kind.rate * self.factor)
        for due in self.due_times(interval, number / kind.clients):
            if not await self.until(due):
                break
            await self.recorded(kind, do())
        if kept[0]:
            kept[0].close()

    async def recorded(self, kind, work):
        began, error = time.monotonic(), None
        try:
            await asyncio.wait_for(work, TIMEOUT)
        except asyncio.TimeoutError:
            error = f'no answer within {TIMEOUT:.0f} s'
        except (OSError, Bad, ValueError, IndexError) as failure:
            error = f'{type(failure).__name__}: {failure}'
        self.outcomes.append(Outcome(kind.name, began, time.monotonic() - began, error))

    async def ask(self, kind, connection, close):
        """Whether the connection may be used again."""
        mark = next(self.marks)
        origin = self.origins[mark % len(self.origins)]
        content = known_bytes(mark % 3000) if kind.method == 'POST' else b''
        path = '/echo' if kind.method == 'POST' else f'/bytes/{mark % 5000}'
        authority = origin.removeprefix('http://')
        head = [f'{kind.method} {origin}{path} HTTP/1.1', f'Host: {authority}', f'X-Request: {mark}']
        head += [f'Content-Length: {len(content)}'] * (kind.method == 'POST') + ['Connection: close'] * close
        status, fields, body = await connection.exchange(('\r\n'.join(head) + '\r\n\r\n').encode() + content)
        if status != 200:
            raise Bad(f'{status} {body[:200].decode("latin-1").strip()}')
        expected = content if kind.method == 'POST' else known_bytes(mark % 5000)
        if fields.get('x-request') != str(mark) or body != expected:
            raise Bad(f'another answer: asked {mark}, got {fields.get("x-request")} with {len(body)} bytes')
        return fields.get('connection', '').lower() != 'close'


class Download(threading.Thread):
    """One slow download through the proxy, and whether it came whole."""

    def __init__(self, origin, seconds, size=300_000, proxy=TCP4):
        super().__init__(daemon=True)
        self.request = (f'GET {origin}/slow/{seconds}/{size} HTTP/1.1\r\nHost: {origin.removeprefix("http://")}\r\n'
                        'X-Request: slow\r\n\r\n').encode()
        self.size, self.proxy = size, proxy
        self.error, self.seconds = 'not ended', 0.0
        self.begun = threading.Event()

    def run(self):
        began = time.monotonic()
        try:
            with socket.socket(self.proxy.family, socket.SOCK_STREAM) as sock:
                sock.settimeout(TIMEOUT)
                sock.connect(self.proxy.address)
                sock.sendall(self.request)
                received = bytearray()
                while b'\r\n\r\n' not in received or len(received) < received.index(b'\r\n\r\n') + 4 + self.size:
                    more = sock.recv(1 << 16)
                    if not more:
                        break
                    received += more
                    self.begun.set()
            head, _, body = bytes(received).partition(b'\r\n\r\n')
            whole = head.startswith(b'HTTP/1.1 200 ') and zlib.crc32(body) == zlib.crc32(known_bytes(self.size))
            self.error = None if whole else f'{head[:40]!r} and {len(body)} of {self.size} bytes'
        except OSError as failure:
            self.error = f'{type(failure).__name__}: {failure}'
        self.seconds = time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('origin', nargs='+', help='http://HOST:PORT of an origin.py')
    parser.add_argument('--rate', type=float, default=200)
    parser.add_argument('--seconds', type=float, default=5)
    options = parser.parse_args()
    with Load(options.origin, options.rate) as load:
        time.sleep(options.seconds)
    print(load.summary())
    print(load.explain())
    sys.exit(1 if load.failures() else 0)


if __name__ == '__main__':
    main()
