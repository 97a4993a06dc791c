# SPDX-License-Identifier: LGPL-2.1-or-later
"""Section 6: /run/host."""
import pathlib
import subprocess

import lab
import table
from table import row

INACCESSIBLE = {"reg": "regular (empty )?file", "dir": "directory", "fifo": "fifo", "sock": "socket",
                "chr": "character special file", "blk": "block special file"}

table.in_machine(globals(), [
    row("CI-078", "top level is read only", "stat -c %a /run/host; touch /run/host/x", r"^755\n.*Read-only file system"),
    row("CI-079", "manager's name for everyone",
        "stat -c %a /run/host/container-manager; su -s /bin/sh nobody -c 'cat /run/host/container-manager'", r"^444\nstead$"),
    row("CI-080", "uuid", "stat -c %a /run/host/container-uuid; cat /run/host/container-uuid",
        r"^444\n[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"),
    row("CI-081", "host's os-release", ". /run/host/os-release; echo $ID; tr '\\0' '\\n' </proc/1/environ | grep host_id; touch /run/host/os-release",
        r"^(\w+)\ncontainer_host_id=\1\n.*Read-only"),
    row("CI-082", "all belong to the machine's root", "stat -c '%u:%g' /run/host /run/host/container-* /run/host/os-release | sort -u", r"\A0:0$"),
    row("CI-083", "one node of each kind", "cd /run/host/inaccessible; for f in reg dir fifo sock chr blk; do stat -c '%F %a %t:%T' $f; done",
        "^" + r"\n".join(rf"{kind} 0 0:0" for kind in INACCESSIBLE.values()) + "$"),
    row("CI-084", "incoming directory", "findmnt -no OPTIONS /run/host/incoming; stat -c %a /run/host/incoming",
        r"^ro.*\n600$"),
    row("CI-085", "notify socket", "test -S /run/host/notify && stat -c %u /run/host/notify", r"^0$"),
    row("CI-086", "no credentials no directory", "ls -d /run/host/credentials", r"No such file"),
    row("CI-087", "sockets for the host", "findmnt -no FSTYPE,OPTIONS /run/host/unix-export; stat -c %u /run/host/unix-export; "
        "touch /run/host/unix-export/x && rm /run/host/unix-export/x && echo writable",
        r"^tmpfs +rw,(?=.*nosuid)(?=.*nodev)(?=.*noexec)(?=.*nosymfollow).*\n0\nwritable$", trees=["bookworm", "trixie"]),
    row("CI-089", "nothing of our own on top", "ls /run/host | tr '\\n' ' '", unless=r"(?<!/)\b(stead\w+|log|console|state)\b"),
    row("CI-090", "mounts stay as they are", "grep -c ' /run/host ' /proc/self/mountinfo", r"^1$"),
])


@table.on_machines()
def test_CI_080_uuid_is_the_one_on_record(machine):
    assert machine.sh("cat /run/host/container-uuid").replace("-", "") == machine.state()["UUID"].replace("-", "")


def test_CI_084_a_mount_on_the_host_side_arrives(own_tree):
    """What machined does to bind something into a machine. The host's mounts are shared where systemd
    runs; a mount namespace of its own with shared mounts stands for such a host."""
    prefix = ("unshare", "-m", "--propagation", "private", "sh", "-ec", 'mount --make-rshared /; exec "$@"', "sh")
    with lab.Machine(own_tree(), prefix=prefix) as m:
        where = f"/run/systemd/nspawn/propagate/{m.name}"
        # and can be moved on, as machined does
        assert m.sh("findmnt -no PROPAGATION /run/host/incoming") == "private,slave"
        host = ("nsenter", "-t", str(m.process.pid), "-m")
        subprocess.run([*host, "sh", "-ec", f"mkdir {where}/st; mount -t tmpfs st-arrives {where}/st"], check=True)
        try:
            assert "st-arrives" in m.sh("cat /proc/self/mountinfo")
        finally:
            subprocess.run([*host, "sh", "-ec", f"umount {where}/st; rmdir {where}/st"], check=True)


@table.on_machines(trees=["bookworm", "trixie"])
def test_CI_087_socket_directory_is_seen_on_the_host(machine):
    where = pathlib.Path("/run/systemd/nspawn/unix-export", machine.name)
    assert machine.sh("touch /run/host/unix-export/seen && echo ok") == "ok"
    try:
        assert (where / "seen").exists()
        if machine.userns:
            assert (where / "seen").stat().st_uid == machine.base
    finally:
        machine.sh("rm -f /run/host/unix-export/seen")
    assert not (where / "seen").exists()


def test_CI_084_087_directories_on_the_host_go(own_tree):
    with lab.Machine(own_tree()) as m:
        pass
    for folder in ("propagate", "unix-export"):
        assert not pathlib.Path("/run/systemd/nspawn", folder, m.name).exists()
