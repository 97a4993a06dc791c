# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The ground that all contenders stand on, the same for each and gone afterwards: a private mount namespace that sees a
unified cgroup hierarchy, and a cgroup of our own in it.

Some contenders refuse a hybrid hierarchy and some leave cgroups behind; both would make the measurement unfair or
unclean. Nothing of this touches the host's own mounts.
"""

import atexit
import ctypes
import os
import pathlib
import shutil
import subprocess
import sys
import time

CGROUPS = pathlib.Path("/sys/fs/cgroup")
CLONE_NEWNS = 0x00020000  # linux/sched.h


def own_path():
    """Our cgroup in the v2 hierarchy, relative to its root."""
    for line in open("/proc/self/cgroup"):
        if line.startswith("0::/"):
            return line[4:].strip()
    raise SystemExit("bench: this kernel has no cgroup v2 hierarchy")


def delegate():
    """Where systemd owns the cgroups, ask it for a scope that is ours to subdivide, and start again in it."""
    if os.path.isdir("/run/systemd/system") and "STEAD_BENCH_SCOPE" not in os.environ:
        os.environ["STEAD_BENCH_SCOPE"] = "1"
        os.execvp("systemd-run", ["systemd-run", "--quiet", "--scope", "-p", "Delegate=yes", sys.executable] + sys.argv)


OURS = None  # the cgroup of this measurement, once prepared


def enter(name):
    """Moves us to a cgroup below ours, made if missing: what is spawned next finds itself alone in it."""
    cgroup = OURS / name
    cgroup.mkdir(exist_ok=True)
    (cgroup / "cgroup.procs").write_text(str(os.getpid()))


def remove(cgroup):
    """Ends what still runs below and removes the cgroups, deepest first."""
    for _ in range(50):
        try:
            for path in sorted(cgroup.rglob("*/"), key=lambda p: len(p.parts), reverse=True):
                path.rmdir()
            cgroup.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            if (cgroup / "cgroup.kill").exists():
                (cgroup / "cgroup.kill").write_text("1")
            time.sleep(0.1)
    print(f"bench: {cgroup} could not be removed, someone still uses it", file=sys.stderr)


def prepare(host_cgroups):
    """Returns the notes to print. Call once, before any measurement."""
    if os.geteuid() != 0:
        raise SystemExit("bench: needs root: run it with sudo")

    delegate()
    notes = []
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) < 0:
        raise SystemExit(f"bench: unshare: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)

    # Locks and state files of all contenders live in /run, which is a tmpfs on every real system.
    if subprocess.run(["findmnt", "-no", "FSTYPE", "-T", "/run"], capture_output=True,
                      text=True).stdout.strip() != "tmpfs":
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        notes.append("/run: a tmpfs for every contender, the host keeps it on disk")

    hierarchy = CGROUPS
    if (CGROUPS / "cgroup.controllers").exists():
        notes.append("cgroups: unified")
    elif host_cgroups:
        hierarchy = CGROUPS / "unified"
        notes.append("cgroups: as on the host, hybrid")
    else:
        subprocess.run(["umount", "-R", str(CGROUPS)], check=True)
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(CGROUPS)], check=True)
        notes.append("cgroups: hybrid on the host, unified for every contender")

    # systemd-nspawn gives a tree without systemd the old hierarchy, even where the host mounts none.
    os.environ["SYSTEMD_NSPAWN_UNIFIED_HIERARCHY"] = "1"

    before = hierarchy / own_path()
    global OURS
    OURS = ours = before / f"stead-bench-{os.getpid()}"
    ours.mkdir()
    enter("bench")
    me = os.getpid()

    def leave():
        if os.getpid() != me:
            return
        (before / "cgroup.procs").write_text(str(me))
        remove(ours)
        # On a hybrid host systemd-nspawn copies its path into systemd's own hierarchy.
        remove(CGROUPS / "systemd" / ours.relative_to(hierarchy))

    atexit.register(leave)
    return notes


def build_directory():
    """The meson build directory: $STEAD_BUILD, or build/ in the checkout."""
    default = pathlib.Path(__file__).resolve().parents[2] / "build"
    return pathlib.Path(os.environ.get("STEAD_BUILD", default)).absolute()


def built(*parts):
    """A program of the build directory, or the reason why it can't be used."""
    path = build_directory().joinpath(*parts)
    if os.access(path, os.X_OK):
        return str(path), None
    return None, f"{path} is not built: meson setup build && ninja -C build"


def installed(name, package):
    """A program of the host, or the reason why it can't be used."""
    path = shutil.which(name)
    return (path, None) if path else (None, f"not installed: apt-get install {package}")
