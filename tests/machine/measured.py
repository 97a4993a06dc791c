# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a program on a file and prints its status, the most memory it had and the time it took: as a
process of its own, since the kernel counts a caller's memory, too.

    python3 measured.py FILE PROGRAM [ARGUMENT...]      FILE becomes descriptor 0
"""
import json
import os
import sys
import time


def main():
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
        os.dup2(fd, 0)
        os.execv(sys.argv[2], sys.argv[2:])
    _, status, usage = os.wait4(pid, 0)
    print(json.dumps({"status": os.waitstatus_to_exitcode(status), "kilobytes": usage.ru_maxrss,
                      "seconds": time.monotonic() - start}), file=sys.stderr)


if __name__ == "__main__":
    main()
