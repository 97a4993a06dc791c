# SPDX-License-Identifier: LGPL-2.1-or-later
"""Live mounts, copies and sessions on the oldest kernel and on a host whose systemd guards the devices."""
import pytest

import lab


@pytest.fixture(scope="module")
def box(vm):
    m = lab.Machine(vm, "box", tree="full")
    try:
        yield m.start()
    finally:
        m.remove()


@pytest.fixture
def files(vm):
    vm.ok("sh", "-ec", "mkdir -p /var/tmp/files/sub; cd /var/tmp/files; echo one >one; echo two >sub/two; ln one again; "
          "ln -s one link; truncate -s 1G sparse; echo end >>sparse; mkfifo fifo; chown -R 1000:1000 .; chmod 4750 sub/two")
    yield "/var/tmp/files"
    vm.ok("rm", "-rf", "/var/tmp/files", "/var/tmp/back")


@pytest.mark.parametrize("options, owner", [("idmap", "1000:1000"), ("map=1000:33", "33:33"), ("rootidmap", "0:0"), ("noidmap", "65534:65534")])
def test_bind_shows_owners(box, files, options, owner):
    box.vm.ok("stead", "bind", "--mkdir", "box", files, f"/srv/bound:{options}")
    assert box.sh("stat -c %u:%g /srv/bound/one") == owner
    box.vm.ok("stead", "unbind", "box", "/srv/bound")
    assert box.sh("ls -A /srv/bound") == ""


def test_bind_read_only_is_locked(box, files):
    box.vm.ok("stead", "bind", "--read-only", "--mkdir", "box", files, "/srv/ro:idmap")
    r = box.run("sh", "-c", "mount -o remount,rw,bind /srv/ro; touch /srv/ro/x")
    assert r.status != 0 and "Read-only file system" in r.err, r
    box.vm.ok("stead", "unbind", "box", "/srv/ro")


def test_bind_with_a_mount_below(box, files):
    # a tmpfs cannot be shown through a map by this kernel: the message has to say so
    box.vm.ok("mount", "-t", "tmpfs", "tmpfs", f"{files}/sub")
    try:
        r = box.vm.run("stead", "bind", "--mkdir", "box", files, "/srv/tree:idmap")
        assert r.status == 1 and "idmapped" in r.err and "norbind" in r.err, r
        box.vm.ok("stead", "bind", "--mkdir", "box", files, "/srv/tree:idmap,norbind")
        assert box.sh("cat /srv/tree/one") == "one"
        box.vm.ok("stead", "unbind", "box", "/srv/tree")
        box.vm.ok("stead", "bind", "--mkdir", "box", files, "/srv/tree:noidmap")
        assert box.run("umount", "/srv/tree/sub").status != 0
        box.vm.ok("stead", "unbind", "box", "/srv/tree")
    finally:
        box.vm.ok("umount", f"{files}/sub")


@pytest.mark.parametrize("kind", ["service", "by hand"])
def test_bind_allows_a_device(machine, kind):
    m = machine("disks", "[Exec]\nPrivateUsers=no\n")
    if kind == "service":
        m.start()
    else:
        m.start_by_hand()
    m.vm.ok("stead", "bind", "--read-only", "--mkdir", "disks", "/dev/vda")
    assert m.sh("head -c 512 /dev/vda | wc -c") == "512"
    r = m.run("sh", "-c", ": >>/dev/vda")
    assert r.status != 0 and "not permitted" in r.err, r
    assert "/dev/vda r" in m.vm.ok("systemctl", "show", m.unit, "-pDeviceAllow")


def test_copies_keep_everything(box, files):
    look = "cd {}; find . -printf '%p %y %m %U:%G %T@ %l\\n' | sort; find . -type f -size -1M -exec sha1sum {{}} + | sort -k2; stat -c %h one again"
    expected = box.vm.sh(look.format(files))
    box.vm.ok("stead", "cp", files, "box:/srv/copy")
    assert box.sh(look.format("/srv/copy")) == expected.rstrip("\n")
    assert int(box.sh("stat -c %b /srv/copy/sparse")) < 100, "its holes are holes"
    box.vm.ok("stead", "cp", "box:/srv/copy", "/var/tmp/back")
    assert box.vm.sh(look.format("/var/tmp/back")) == expected


def test_a_session_is_known_to_logind(box):
    r = box.vm.run("stead", "shell", "--session", "box", "loginctl show-session $XDG_SESSION_ID | grep ^TTY=; exit 9")
    if box.run("test", "-e", "/lib/x86_64-linux-gnu/security/pam_systemd.so").status == 0:
        assert "TTY=pts/" in r.out, r
    assert r.status == 9, r
