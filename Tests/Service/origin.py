#!/usr/bin/env python3
"""Origins to proxy to, in a process of their own: keep-alive servers on ports of the kernel's choice that count.

  /bytes/N            N known bytes
  /slow/SECONDS/N     N known bytes, spread over that time
  /echo               what was posted, back
  anything else       its own path

Prints one JSON line with its ports; /stats on the control port tells what each saw, each connection by itself. Ends
when its standard input does."""
import argparse
import asyncio
import json
import time

PATTERN = bytes(range(256)) * 256


def known_bytes(count):
    """What /bytes and /slow send: position i holds i modulo 256, so that a hole or a repeat shows."""
    whole, rest = divmod(count, len(PATTERN))
    return PATTERN * whole + PATTERN[:rest]


class Origin:
    """One port, and what it saw."""

    def __init__(self):
        self.port = 0
        self.connections = []
        self.requests = 0

    async def listen(self, address):
        server = await asyncio.start_server(self.serve, address, 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]

    def stats(self):
        return {'requests': self.requests, 'accepted': len(self.connections),
                'open': sum(1 for each in self.connections if each['closed'] is None), 'connections': self.connections}

    async def serve(self, reader, writer):
        seen = {'accepted': time.time(), 'closed': None, 'first_request': None, 'requests': 0}
        self.connections.append(seen)
        try:
            while await self.exchange(reader, writer, seen):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            seen['closed'] = time.time()
            writer.close()

    async def exchange(self, reader, writer, seen):
        try:
            head = await reader.readuntil(b'\r\n\r\n')
        except asyncio.IncompleteReadError:
            return False
        self.requests += 1
        seen['requests'] += 1
        seen['first_request'] = seen['first_request'] or time.time()
        lines = head.decode('latin-1').split('\r\n')
        path = lines[0].split(' ')[1]
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(':') for line in lines[1:] if line)}
        body = await reader.readexactly(int(fields.get('content-length', 0)))
        await self.answer(path, body, fields.get('x-request', ''), writer)
        return True

    async def answer(self, path, body, mark, writer):
        def head(length):
            return (f'HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nContent-Type: application/octet-stream\r\n'
                    f'X-Request: {mark}\r\n\r\n').encode()

        parts = path.split('?')[0].split('/')
        if parts[1] == 'bytes':
            writer.write(head(int(parts[2])) + known_bytes(int(parts[2])))
        elif parts[1] == 'slow':
            content, pieces = known_bytes(int(parts[3])), max(1, int(float(parts[2]) * 20))
            writer.write(head(len(content)))
            step = -(-len(content) // pieces)
            for start in range(0, len(content), step):
                await asyncio.sleep(0.05)
                writer.write(content[start:start + step])
                await writer.drain()
        elif parts[1] == 'echo':
            writer.write(head(len(body)) + body)
        else:
            writer.write(head(len(path)) + path.encode())
        await writer.drain()


class Control(Origin):
    """Answers /stats for the others."""

    def __init__(self, origins):
        super().__init__()
        self.origins = origins

    async def answer(self, path, body, mark, writer):
        text = json.dumps({origin.port: origin.stats() for origin in self.origins}).encode()
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(text) + text)
        await writer.drain()


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--bind', default='127.0.0.1')
    parser.add_argument('--origins', type=int, default=1)
    options = parser.parse_args()
    origins = [Origin() for _ in range(options.origins)]
    for origin in origins:
        await origin.listen(options.bind)
    control = Control(origins)
    await control.listen('127.0.0.1')
    print(json.dumps({'ports': [origin.port for origin in origins], 'control': control.port}), flush=True)
    end = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()
    loop.add_reader(0, lambda: end.done() or end.set_result(None))
    await end


if __name__ == '__main__':
    asyncio.run(main())
