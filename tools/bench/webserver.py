#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""
A plain web server of static files for measurements: it counts requests and bytes, and answers as late as a server far
away would. HTTP/1.1 with ranges and kept connections, nothing more.

    with webserver.Server(directory, delay=0.03) as server:
        ... server.url ...
        print(server.take())       # (requests, bytes sent) since the last time
"""

import asyncio
import pathlib
import subprocess
import sys
import urllib.parse
import urllib.request


class Counts:
    def __init__(self):
        self.requests = self.sent = 0


def byte_range(header, size):
    """First and last byte that a request asks for, or None: all."""
    if not header or not header.startswith("bytes=") or "," in header:
        return None
    first, _, last = header[6:].partition("-")
    if first:
        return int(first), min(int(last), size - 1) if last else size - 1
    return max(0, size - int(last)), size - 1


def answer(root, target, header):
    """Status, further header lines, and the content."""
    path = (root / urllib.parse.unquote(target.split("?")[0]).lstrip("/")).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        return "404 Not Found", [], b"not found\n"
    data = path.read_bytes()
    part = byte_range(header, len(data))
    if not part:
        return "200 OK", ["Accept-Ranges: bytes"], data
    if part[0] > part[1]:
        return "416 Range Not Satisfiable", [f"Content-Range: bytes */{len(data)}"], b""
    return "206 Partial Content", [f"Content-Range: bytes {part[0]}-{part[1]}/{len(data)}"], data[part[0]:part[1] + 1]


async def serve(reader, writer, root, delay, counts):
    await asyncio.sleep(delay)  # the handshake
    try:
        while line := await reader.readline():
            method, target, _ = line.decode("latin-1").split(" ", 2)
            headers = {}
            while (h := (await reader.readline()).decode("latin-1").strip()):
                name, _, value = h.partition(":")
                headers[name.lower()] = value.strip()
            if target == "/-/counts":
                status, more, body = "200 OK", [], f"{counts.requests} {counts.sent}".encode()
                counts.requests = counts.sent = 0
            else:
                await asyncio.sleep(delay)
                status, more, body = answer(root, target, headers.get("range"))
                counts.requests += 1
            head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *more, "", ""]).encode()
            data = head + (b"" if method == "HEAD" else body)
            if target != "/-/counts":
                counts.sent += len(data)
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ValueError):
        pass  # the client went away, or spoke something else
    finally:
        writer.close()


async def main(root, delay):
    counts = Counts()
    server = await asyncio.start_server(lambda r, w: serve(r, w, root, delay, counts), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Server:
    def __init__(self, directory, delay=0.0):
        self.process = subprocess.Popen([sys.executable, __file__, str(directory), str(delay)], stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def take(self):
        with urllib.request.urlopen(self.url + "/-/counts") as response:
            requests, sent = response.read().split()
        return int(requests), int(sent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


if __name__ == "__main__":
    asyncio.run(main(pathlib.Path(sys.argv[1]).resolve(), float(sys.argv[2])))
