# SPDX-License-Identifier: LGPL-2.1-or-later
"""How fast one TCP connection is, in bits per second of payload. Run inside of namespaces:
`speed.py listen PORT` sends to whoever connects and says "down", and receives from the others;
`speed.py down|up ADDRESS PORT SECONDS` prints the rate, without the first quarter of the time."""
import socket
import sys
import time

CHUNK = bytes(65536)


def count(s, seconds):
    """Rate at which @s is readable."""
    begin, total, skipped, marked = time.monotonic(), 0, 0, 0.0
    while (now := time.monotonic() - begin) < seconds:
        data = s.recv(1 << 20)
        if not data:
            break
        total += len(data)
        if now < seconds / 4:
            skipped, marked = total, now
    return (total - skipped) * 8 / (now - marked)


def listen(port):
    server = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    print("ready", flush=True)
    while True:
        s = server.accept()[0]
        with s:
            word = s.recv(16).decode().split()
            try:
                if word[0] == "down":
                    while True:
                        s.sendall(CHUNK)
                s.sendall(b"go")
                rate = count(s, float(word[1]))
                s.sendall(b"%d" % rate)
            except OSError:
                pass


def ask(word, address, port, seconds):
    with socket.create_connection((address, int(port))) as s:
        s.sendall(f"{word} {seconds}".encode())
        if word == "down":
            return count(s, float(seconds))
        s.recv(2)
        s.setblocking(False)
        while True:
            try:
                s.send(CHUNK)
            except BlockingIOError:
                time.sleep(0.001)
            try:
                return float(s.recv(64))
            except BlockingIOError:
                pass


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        listen(int(sys.argv[2]))
    else:
        print(int(ask(*sys.argv[1:])))
