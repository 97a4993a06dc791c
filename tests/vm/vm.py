# SPDX-License-Identifier: LGPL-2.1-or-later
"""The virtual machine that the tests share: qemu without hardware help, Debian's cloud kernel, systemd, and
the build under test installed.

Commands go in and results come out through a virtio port (image/usr/lib/stead-vm/agent.py); there is no
network. $STEAD_VM names the socket of one that `tools/vm --keep` has started; then that one is used.
"""
import ast
import base64
import contextlib
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import threading
import time

import image

BUILD = pathlib.Path(os.environ.get("STEAD_BUILD", image.TOP / "build")).resolve()
PATIENCE = float(os.environ.get("STEAD_TEST_PATIENCE", "120"))
CPUS, MEMORY = 2, 4096
# all that is emulated, but for what takes the emulator long
CPU = "max,avx=off,avx2=off,la57=off,pku=off"


class Result:
    """What a command inside left: status (negative: the signal), out and err as text."""

    def __init__(self, argv, message):
        self.argv, self.status = argv, message["status"]
        self.out = message["out"].decode(errors="replace")
        self.err = message["err"].decode(errors="replace")

    def __repr__(self):
        return f"{shlex.join(self.argv)}: status {self.status}\n{self.out}{self.err}"


class Command:
    """One that may still run."""

    def __init__(self, vm, number, argv):
        self.vm, self.number, self.argv = vm, number, argv
        self.done, self.message = threading.Event(), None

    def wait(self, timeout=PATIENCE):
        if not self.done.wait(timeout):
            self.kill()
            raise AssertionError(f"{shlex.join(self.argv)} took longer than {timeout} s\n{self.vm.console()[-2000:]}")
        if self.message is None:
            raise AssertionError(f"the virtual machine is gone\n{self.vm.console()[-4000:]}")
        return Result(self.argv, self.message)

    def kill(self, number=signal.SIGKILL):
        self.vm.send({"id": self.number, "signal": int(number)})


class Vm:
    def __init__(self, work):
        self.work = pathlib.Path(work)
        self.process = self.socket = None
        self.commands, self.count, self.lock = {}, 0, threading.Lock()

    # life

    def start(self, console="file"):
        """Boots and waits until commands can be run. @console: file, or stdio for a person."""
        parts = image.make()
        image.pack_build(BUILD, self.work / "build.tar")
        where = f"file,id=console,path={self.work}/console,append=on" if console == "file" else \
            "stdio,id=console,signal=off,mux=off"
        append = ["console=ttyS0", "mitigations=off", "panic=-1", "quiet" if console == "file" else "",
                  "net.ifnames=0", "audit=0", "systemd.show_status=no" if console == "file" else "",
                  *os.environ.get("STEAD_VM_APPEND", "").split()]
        self.process = subprocess.Popen([
            # it must not outlive us, however we end
            "setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", str(CPUS), "-m", str(MEMORY),
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", parts / "kernel", "-initrd", parts / "initrd", "-append", " ".join(append),
            # writes go to a file that is already removed
            "-drive", f"file={parts}/root.img,if=virtio,format=raw,snapshot=on,cache=unsafe",
            "-drive", f"file={self.work}/build.tar,if=virtio,format=raw,readonly=on",
            "-chardev", where, "-serial", "chardev:console",
            "-device", "virtio-serial", "-chardev", f"socket,id=agent,path={self.work}/agent,server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=agent"],
            env={**os.environ, "TMPDIR": str(self.work)}, stdin=None if console == "stdio" else subprocess.DEVNULL)
        return self.attach(self.work / "agent")

    def attach(self, path):
        end = time.monotonic() + PATIENCE
        while self.socket is None:
            try:
                s = socket.socket(socket.AF_UNIX)
                s.connect(str(path))
                self.socket = s
            except OSError:
                s.close()
                if time.monotonic() > end or (self.process and self.process.poll() is not None):
                    raise AssertionError(f"no virtual machine at {path}") from None
                time.sleep(0.1)
        threading.Thread(target=self.receive, daemon=True).start()
        self.run("true")
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()  # its disk is thrown away
            self.process.wait(10)
        self.detach()

    def detach(self):
        """qemu lets one talk to the agent at a time."""
        if self.socket:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()
            self.socket = None

    def console(self):
        path = self.work / "console"
        return path.read_text(errors="replace") if path.exists() else ""

    # the wire

    def send(self, message):
        with self.lock:
            self.socket.sendall(repr(message).encode() + b"\n")

    def receive(self):
        buffer = b""
        while data := self.read():
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                message = ast.literal_eval(line.decode())
                command = self.commands.pop(message["id"], None)
                if command:
                    command.message = message
                    command.done.set()
        for command in list(self.commands.values()):
            command.done.set()

    def read(self):
        try:
            return self.socket.recv(1 << 20)
        except (OSError, AttributeError):  # detached
            return b""

    # commands

    def begin(self, *argv, input=b""):
        """Starts a command and does not wait."""
        argv = [str(a) for a in argv]
        with self.lock:
            self.count += 1
            # a socket may have had a user before us
            number = os.getpid() << 20 | self.count
        command = self.commands[number] = Command(self, number, argv)
        data = input.encode() if isinstance(input, str) else input
        self.send({"id": number, "argv": argv, "input": base64.b64encode(data).decode()})
        return command

    def run(self, *argv, input=b"", timeout=PATIENCE):
        return self.begin(*argv, input=input).wait(timeout)

    def ok(self, *argv, **more):
        """Output of a command that must succeed."""
        r = self.run(*argv, **more)
        assert r.status == 0, r
        return r.out.rstrip("\n")

    def sh(self, script, **more):
        return self.ok("sh", "-c", script, **more)

    # files

    def read_file(self, path):
        return self.ok("cat", path)

    def write_file(self, path, text):
        self.ok("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "sh", path, input=text)
