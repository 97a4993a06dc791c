# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small D-Bus client that can do what busctl cannot: pass and take descriptors, hold many calls open, and
send what no library would. Copied into a host and used there; needs nothing but Python.

    bus = wire.Bus()
    job, = bus.call("/org/stead1", "org.stead1.Manager", "Start", "s", "web")
    pty, process = bus.call("/org/stead1", "org.stead1.Manager", "OpenLogin", "s", "web")
    os.read(pty, 100)
"""
import array
import os
import select
import socket
import struct
import time

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY, NO_AUTO_START, INTERACTIVE = 1, 2, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE, UNIX_FDS = range(1, 10)
FIXED = {"y": "B", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d", "h": "I"}


class BusError(Exception):
    def __init__(self, name, text):
        super().__init__(f"{name}: {text}")
        self.name, self.text = name, text


class Closed(Exception):
    """The other side has closed the connection."""


def split(signature):
    """The complete types of a signature."""
    types, i = [], 0
    while i < len(signature):
        start = i
        while signature[i] == "a":
            i += 1
        if signature[i] in "({":
            depth = 0
            while True:
                depth += (signature[i] in "({") - (signature[i] in ")}")
                if depth == 0:
                    break
                i += 1
        i += 1
        types.append(signature[start:i])
    return types


def alignment(kind):
    if kind in "(r{e":
        return 8
    if kind in "ybgv":
        return {"b": 4}.get(kind, 1)
    return 4 if kind in "soah" else struct.calcsize("=" + FIXED[kind])


class Writer:
    def __init__(self):
        self.data, self.fds = bytearray(), []

    def pad(self, n):
        self.data += bytes(-len(self.data) % n)

    def put(self, kind, value):
        c = kind[0]
        self.pad(alignment(c))
        if c == "h":
            self.fds.append(value)
            self.data += struct.pack("=I", len(self.fds) - 1)
        elif c == "b":
            self.data += struct.pack("=I", int(value))
        elif c in FIXED:
            self.data += struct.pack("=" + FIXED[c], value)
        elif c in "so":
            raw = value.encode() if isinstance(value, str) else value
            self.data += struct.pack("=I", len(raw)) + raw + b"\0"
        elif c == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif c == "v":
            self.put("g", value[0])
            self.put(value[0], value[1])
        elif c == "a":
            self.put_array(kind[1:], value)
        else:
            for k, v in zip(split(kind[1:-1]), value):
                self.put(k, v)

    def put_array(self, kind, values):
        at = len(self.data)
        self.data += bytes(4)
        self.pad(alignment(kind[0]))
        start = len(self.data)
        for v in (values.items() if isinstance(values, dict) else values):
            self.put(kind, v)
        self.data[at:at + 4] = struct.pack("=I", len(self.data) - start)


class Reader:
    def __init__(self, data, fds=()):
        self.data, self.fds, self.at = data, fds, 0

    def take(self, kind):
        c = kind[0]
        self.at += -self.at % alignment(c)
        if c == "b":
            return bool(self.number("I"))
        if c == "h":
            return self.fds[self.number("I")]
        if c in FIXED:
            return self.number(FIXED[c])
        if c in "so":
            return self.text(self.number("I"))
        if c == "g":
            return self.text(self.number("B"))
        if c == "v":
            return self.take(self.take("g"))
        if c == "a":
            return self.take_array(kind[1:])
        return tuple(self.take(k) for k in split(kind[1:-1]))

    def number(self, code):
        n = struct.calcsize("=" + code)
        value, = struct.unpack_from("=" + code, self.data, self.at)
        self.at += n
        return value

    def text(self, n):
        raw = bytes(self.data[self.at:self.at + n])
        self.at += n + 1
        return raw.decode()

    def take_array(self, kind):
        n = self.number("I")
        self.at += -self.at % alignment(kind[0])
        end, values = self.at + n, []
        while self.at < end:
            values.append(self.take(kind))
        return dict(values) if kind[0] == "{" else values


class Message:
    def __init__(self, kind, fields, body, fds):
        self.kind, self.fds = kind, fds
        self.path, self.interface, self.member = (fields.get(f) for f in (PATH, INTERFACE, MEMBER))
        self.error, self.sender, self.reply_to = (fields.get(f) for f in (ERROR_NAME, SENDER, REPLY_SERIAL))
        self.signature = fields.get(SIGNATURE, "")
        reader = Reader(body, fds)
        self.body = [reader.take(k) for k in split(self.signature)]


def encode(kind, serial, fields, signature="", args=(), flags=0):
    """A message as bytes, and its descriptors."""
    body = Writer()
    for k, v in zip(split(signature), args):
        body.put(k, v)
    fields = dict(fields)
    if signature:
        fields[SIGNATURE] = ("g", signature)
    if body.fds:
        fields[UNIX_FDS] = ("u", len(body.fds))
    head = Writer()
    for k, v in zip("yyyyuu", (ord("l"), kind, flags, 1, len(body.data), serial)):
        head.put(k, v)
    head.put("a(yv)", list(fields.items()))
    head.pad(8)
    return bytes(head.data + body.data), body.fds


class Bus:
    def __init__(self, path="/run/dbus/system_bus_socket", name="org.stead1"):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.name, self.serial, self.raw, self.raw_fds, self.signals, self.replies = name, 0, b"", [], [], {}
        self.socket.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() +
                            b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")
        greeting = b""
        while greeting.count(b"\r\n") < 2:
            greeting += self.socket.recv(1)
        assert greeting.startswith(b"OK ") and b"AGREE_UNIX_FD" in greeting, greeting
        self.unique, = self.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", to="org.freedesktop.DBus")

    def close(self):
        self.socket.close()

    def send(self, data, fds=()):
        """Raw bytes, with descriptors beside the first of them."""
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sent = self.socket.sendmsg([data], control)
        self.socket.sendall(data[sent:])

    def begin(self, path, interface, member, signature="", *args, to=None, flags=0):
        """Sends a call; its number is for finish()."""
        self.serial += 1
        fields = {PATH: ("o", path), MEMBER: ("s", member), DESTINATION: ("s", to or self.name)}
        if interface is not None:
            fields[INTERFACE] = ("s", interface)
        self.send(*encode(CALL, self.serial, fields, signature, args, flags))
        return self.serial

    def finish(self, serial, timeout=60):
        """The values of the answer; raises BusError."""
        end = time.monotonic() + timeout
        while serial not in self.replies:
            self.read(end - time.monotonic())
        m = self.replies.pop(serial)
        if m.kind == ERROR:
            raise BusError(m.error, m.body[0] if m.body else "")
        return m.body

    def call(self, path, interface, member, signature="", *args, to=None, flags=0, timeout=60):
        return self.finish(self.begin(path, interface, member, signature, *args, to=to, flags=flags), timeout)

    def get(self, path, interface, name):
        return self.call(path, "org.freedesktop.DBus.Properties", "Get", "ss", interface, name)[0]

    def match(self, rule):
        self.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", rule, to="org.freedesktop.DBus")

    def signal(self, member, timeout=60, path=None):
        """The next signal of that name; others are kept."""
        end = time.monotonic() + timeout
        while True:
            for i, m in enumerate(self.signals):
                if m.member == member and path in (None, m.path):
                    return self.signals.pop(i)
            self.read(end - time.monotonic())

    def read(self, timeout):
        """Takes in one message."""
        end = time.monotonic() + timeout
        while not self.parse():
            if not select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the bus said nothing")
            data, control, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(64 * 4), socket.MSG_CMSG_CLOEXEC)
            if not data:
                raise Closed
            self.raw += data
            for level, kind, raw in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    self.raw_fds += array.array("i", raw).tolist()

    def parse(self):
        if len(self.raw) < 16:
            return False
        size, _, n = struct.unpack_from("=III", self.raw, 4)
        whole = 16 + n + -n % 8 + size
        if len(self.raw) < whole:
            return False
        head = Reader(self.raw[:whole])
        kind = [head.take(k) for k in "yyyyuu"][1]
        fields = dict(head.take("a(yv)"))
        n_fds = fields.get(UNIX_FDS, 0)
        m = Message(kind, fields, self.raw[whole - size:whole], self.raw_fds[:n_fds])
        self.raw, self.raw_fds = self.raw[whole:], self.raw_fds[n_fds:]
        if kind in (RETURN, ERROR):
            self.replies[m.reply_to] = m
        elif kind == SIGNAL:
            self.signals.append(m)
        return True
