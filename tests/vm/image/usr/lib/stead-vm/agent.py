# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs commands for the tests outside. Requests come through a virtio port, one Python literal a line:
{"id": 1, "argv": [...], "input": base64}. Each runs in a thread and a session of its own; its end is one line
back, {"id": 1, "status": 0, "out": bytes, "err": bytes}. {"id": 1, "signal": 15} goes to a running one.

Python's own literals, since the minimal Python of Debian has no JSON.
"""
import ast
import base64
import os
import subprocess
import threading
import time

PORT = "/dev/vport0p1"
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
               "LANG": "C.UTF-8", "TERM": "dumb", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}

running = {}
lock = threading.Lock()


def answer(port, message):
    line = repr(message).encode() + b"\n"
    with lock:
        while line:
            line = line[os.write(port, line):]


def run(port, request):
    message = {"id": request["id"], "status": 127, "out": b"", "err": b""}
    try:
        process = subprocess.Popen(request["argv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=ENVIRONMENT, cwd="/root", start_new_session=True)
        running[request["id"]] = process
        message["out"], message["err"] = process.communicate(base64.b64decode(request["input"]))
        message["status"] = process.returncode
    except OSError as e:
        message["err"] = str(e).encode()
    running.pop(request["id"], None)
    answer(port, message)


def main():
    port = os.open(PORT, os.O_RDWR)
    parts = []
    while True:
        data = os.read(port, 65536)
        if not data:
            time.sleep(0.2)  # nobody is at the other end
            continue
        parts.append(data)
        if b"\n" not in data:
            continue
        *lines, rest = b"".join(parts).split(b"\n")
        parts = [rest]
        for line in lines:
            request = ast.literal_eval(line.decode())
            if "argv" in request:
                threading.Thread(target=run, args=(port, request), daemon=True).start()
            elif request["id"] in running:
                os.killpg(running[request["id"]].pid, request["signal"])


main()
