# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead bind and unbind on machines that run."""
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

import lab
from test_50_verbs import forget, stead


@pytest.fixture(scope="module")
def live():
    """A machine with a user namespace, shared; each test takes away what it binds."""
    name = lab.new_name("live")
    stead("create", "-q", name, f"--from={lab.tree('bookworm')}")
    stead("start", name)
    yield name
    forget(name)


@pytest.fixture
def source(live):
    """A directory of the host with files of several owners; bound nowhere afterwards."""
    with lab.folder("bound") as d:
        d.chmod(0o755)
        for name, uid, gid in (("mine", 1000, 1000), ("other", 1001, 1002), ("root", 0, 0)):
            (d / name).write_text(name)
            os.chown(d / name, uid, gid)
        os.chown(d, 1000, 1000)
        yield d
        for mount in listed(live):
            stead("unbind", "--lazy", live, mount["destination"])
        assert [line for line in lab.mountinfo() if str(d) in line or live in line] == []


def listed(name):
    return json.loads(stead("bind", "--json", name).stdout)


def sh(name, script, status=0):
    return stead("exec", name, "--", "sh", "-c", f"exec 2>&1; {script}", status=status).stdout.rstrip("\n")


def owners(name, path):
    return sh(name, f"stat -c %u:%g {path} {path}/mine {path}/other {path}/root").split()


# --- bind ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("options, expected", [
    ("", ["65534:65534"] * 4),
    (":noidmap", ["65534:65534"] * 4),
    (":idmap", ["1000:1000", "1000:1000", "1001:1002", "0:0"]),
    (":rootidmap", ["0:0", "0:0", "65534:65534", "65534:65534"]),
    (":owneridmap", ["33:33", "33:33", "65534:65534", "65534:65534"]),
    (":map=1000:33", ["33:33", "33:33", "65534:65534", "65534:65534"]),
    (":umap=1000:33,gmap=1002:44,gmap=1000:45", ["33:45", "33:45", "65534:44", "65534:65534"]),
    (":map=1000:500:3", ["500:500", "500:500", "501:502", "65534:65534"]),
    (":idmap,map=1000:33", ["33:33", "33:33", "1001:1002", "0:0"]),
])
def test_bind_shows_owners(live, source, options, expected):
    sh(live, "mkdir -p /srv/point; chown 33:33 /srv/point")
    p = stead("bind", live, source, f"/srv/point{options}")
    assert owners(live, "/srv/point") == expected
    assert ("shown as nobody" in p.stderr) == (options in ("", ":noidmap"))
    assert [(m["destination"], m["source"], m["mode"]) for m in listed(live)] == [("/srv/point", str(source), "rw")]
    stead("unbind", live, "/srv/point")
    assert sh(live, "ls -A /srv/point") == "" and listed(live) == []


def test_bind_writes_with_the_mapped_owner(live, source):
    """The web server's user of the machine is the user of the host whose files these are."""
    stead("bind", "--mkdir", live, source, "/srv/www:map=1000:33")
    stead("exec", "-u", "www-data", live, "--", "sh", "-c", "echo page > /srv/www/index; echo more >> /srv/www/mine")
    st = (source / "index").stat()
    assert (st.st_uid, st.st_gid, (source / "mine").read_text()) == (1000, 1000, "minemore\n")
    sh(live, "touch /srv/www/of-root", status=1)


def test_bind_read_only_stays_so(live, source):
    """Root of the machine can neither write nor make it writable again, nor look below it."""
    stead("bind", "-r", "--mkdir", live, source, "/srv/ro:idmap")
    out = sh(live, "touch /srv/ro/x; mount -o remount,rw,bind /srv/ro; touch /srv/ro/x; "
                   "unshare -m sh -c 'mount -o remount,rw,bind /srv/ro; touch /srv/ro/x'; cat /srv/ro/root")
    assert out.count("Read-only file system") == 3 and out.endswith("root"), out
    assert not (source / "x").exists()
    assert listed(live)[0]["mode"] == "ro"


def test_bind_needs_a_mount_point(live, source):
    p = stead("bind", live, source, "/srv/none/such", status=1)
    assert "There is no '/srv/none/such'" in p.stderr and f"stead bind --mkdir {live} {source} /srv/none/such" in p.stderr
    stead("bind", "--mkdir", live, source, "/srv/none/such:idmap")
    assert sh(live, "stat -c %u:%g:%a /srv/none") == "0:0:755"
    assert owners(live, "/srv/none/such")[1] == "1000:1000"


def test_bind_file_on_file(live, source):
    stead("bind", "--mkdir", live, source / "mine", "/srv/a/file:idmap")
    assert sh(live, "cat /srv/a/file; stat -c %u /srv/a/file") == "mine1000"
    (source / "mine").write_text("new")
    assert sh(live, "cat /srv/a/file") == "new"
    p = stead("bind", live, source / "mine", "/srv", status=1)
    assert "'/srv' of machine" in p.stderr and "/srv/mine" in p.stderr
    assert "is a directory" in stead("bind", live, source, "/etc/passwd", status=1).stderr
    assert "in use" in stead("bind", live, source, "/", status=1).stderr


@pytest.mark.parametrize("words, status, text", [
    (["/no/such/source", "/mnt"], 1, "/no/such/source"),
    (["/tmp", "mnt"], 2, "not an absolute path"),
    (["/tmp", "/mnt:ro"], 2, "'ro' is not one of rbind"),
    (["/tmp", "/mnt:map=root:0"], 2, "such as 1000:33"),
    (["/tmp", "/mnt:map=0:65536"], 1, "from 0 to 65535"),
])
def test_bind_says_what_is_wrong(live, words, status, text):
    assert text in stead("bind", live, *words, status=status).stderr
    assert listed(live) == []


def test_bind_follows_links_only_inside(live, source):
    """A link of the machine that names a place of the host means the machine's own."""
    host = pathlib.Path("/etc/hostname").stat()
    sh(live, f"mkdir -p /srv/l; ln -sfn /etc /srv/l/etc; ln -sfn ../../../../../../etc/hostname /srv/l/file; "
             f"ln -sfn /proc/1/root{source} /srv/l/magic")
    stead("bind", live, source / "mine", "/srv/l/file:idmap")
    assert sh(live, "cat /etc/hostname") == "mine"
    assert listed(live)[0]["destination"] == "/etc/hostname"
    stead("unbind", live, "/srv/l/file")
    assert sh(live, "cat /etc/hostname") == live and pathlib.Path("/etc/hostname").stat() == host
    stead("bind", live, source, "/srv/l/magic", status=1)


@pytest.mark.parametrize("recursive", [True, False])
def test_bind_with_mounts_below(live, source, recursive):
    (source / "below").mkdir()
    option = "rbind" if recursive else "norbind"
    script = (f"mount -t tmpfs -o mode=0755 tmpfs {source}/below; echo deep > {source}/below/file; "
              f"exec {lab.STEAD} bind --mkdir {live} {source} /srv/tree:idmap,{option}")
    subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-ec", script], check=True)
    assert sh(live, "ls /srv/tree/below") == ("file" if recursive else "")
    if recursive:
        assert "not mounted" in sh(live, "umount /srv/tree/below", status=None), "what it hides is the host's"
    stead("unbind", live, "/srv/tree")
    assert sh(live, "ls /srv/tree; grep -c /srv/tree /proc/self/mountinfo", status=1) == "0"


def test_bind_reaches_services_with_mounts_of_their_own(live, source):
    sh(live, "systemd-run -q --unit=apart -p Type=exec -p PrivateTmp=yes -p ProtectSystem=yes sleep 1000")
    try:
        stead("bind", "--mkdir", live, source, "/srv/late:idmap")
        enter = "nsenter -m -t $(systemctl show -P MainPID apart)"
        assert sh(live, f"{enter} cat /srv/late/mine") == "mine"
        stead("unbind", live, "/srv/late")
        assert sh(live, f"{enter} ls /srv/late") == ""
    finally:
        sh(live, "systemctl stop apart", status=None)


def test_bind_nothing_comes_back_to_the_host(live, source):
    (source / "sub").mkdir()
    stead("bind", "--mkdir", live, source, "/srv/shared:idmap")
    sh(live, "mount -t tmpfs tmpfs /srv/shared/sub && touch /srv/shared/sub/inside")
    assert list((source / "sub").iterdir()) == []
    sh(live, "umount /srv/shared/sub")


def test_bind_devices(live, source):
    """full is allowed in every machine; another device is allowed as it is bound."""
    assert stead("bind", "--mkdir", live, "/dev/full", "/srv/full").stderr == ""
    assert "No space left" in sh(live, "dd if=/dev/zero of=/srv/full count=1", status=None)
    assert "/srv/full:noidmap" in stead("bind", live, "/dev/full", "/srv/full:idmap", status=1).stderr
    stead("bind", "--mkdir", live, "/dev/loop-control")
    assert "Operation not permitted" not in sh(live, "exec 3</dev/loop-control", status=None), "the owner may be in the way, the policy is not"


def test_bind_devices_extends_the_policy():
    tree = lab.copy_tree("bookworm")
    try:
        with lab.Machine(tree, userns=False) as m:
            number = os.stat("/dev/loop-control").st_rdev
            node = f"c {os.major(number)} {os.minor(number)}"
            look = "exec 2>&1; exec 3<>/dev/loop-control && echo both; exec 4</dev/loop-control && echo read"
            assert "not permitted" in m.sh(f"mknod /tmp/loop {node}"), "the policy has to forbid it first"
            stead("bind", "-r", "--mkdir", m.name, "/dev/loop-control")
            assert "both" not in m.sh(look) and m.sh("exec 4</dev/loop-control && echo read") == "read"
            stead("unbind", m.name, "/dev/loop-control")
            stead("bind", m.name, "/dev/loop-control")
            assert m.sh(look) == "both\nread"
            assert "not permitted" in m.sh(f"mknod /tmp/loop {node}"), "to open is not to make"
            assert "not permitted" in m.sh("mknod /tmp/mem c 1 1"), "and nothing else is allowed"
            assert m.sh("exec 3<>/dev/null && echo null") == "null"
        m.assert_clean()
    finally:
        lab.remove_tree(tree)


def test_bind_without_user_namespace(source):
    tree = lab.copy_tree("bookworm")
    try:
        with lab.Machine(tree, userns=False) as m:
            stead("bind", "--mkdir", m.name, source, "/srv/plain")
            assert m.sh("stat -c %u /srv/plain/mine") == "1000"
            stead("bind", "-r", "--mkdir", m.name, source, "/srv/mapped:map=1000:33")
            assert m.sh("stat -c %u /srv/mapped/mine /srv/mapped/root") == "33\n65534"
            assert "Read-only" in m.sh("touch /srv/mapped/x")
            stead("unbind", m.name, "/srv/plain")
            stead("unbind", m.name, "/srv/mapped")
        m.assert_clean()
    finally:
        lab.remove_tree(tree)


@pytest.mark.parametrize("tree", ["busybox", "static"])
def test_bind_needs_nothing_inside(source, own_tree, tree):
    """No shell, no systemd, no /srv: the host does all of it."""
    with lab.Machine(own_tree(tree)) as m:
        stead("bind", "--mkdir", m.name, source, "/run/here:idmap")
        shown = pathlib.Path(f"/proc/{m.leader}/root/run/here/mine")
        assert shown.read_text() == "mine" and shown.stat().st_uid == m.base + 1000
        stead("unbind", m.name, "/run/here")


def test_bind_ends_with_a_reboot(live, source):
    stead("bind", "--mkdir", live, source, "/srv/once:idmap")
    stead("reboot", live)
    assert listed(live) == []
    p = stead("unbind", live, "/srv/once", status=1)
    assert "Nothing is mounted" in p.stderr


# --- unbind --------------------------------------------------------------------------------------

def test_unbind_refuses_what_bind_did_not_make(live, source):
    for path in ("/proc", "/dev", "/run/host"):
        p = stead("unbind", live, path, status=1)
        assert "was not made by 'stead bind'" in p.stderr and f"stead bind {live}" in p.stderr
    sh(live, "mkdir -p /srv/own && mount -t tmpfs tmpfs /srv/own")
    assert "was not made by" in stead("unbind", live, "/srv/own", status=1).stderr
    sh(live, "umount /srv/own")
    assert "Nothing is mounted on '/srv/own'" in stead("unbind", live, "/srv/own", status=1).stderr
    stead("unbind", live, "/srv/nosuch", status=1)
    stead("unbind", live, "srv/own", status=2)


def test_unbind_peels_off_what_lies_on_top(live, source):
    stead("bind", "--mkdir", live, source, "/srv/two:map=1000:33")
    stead("bind", live, source, "/srv/two:map=1000:44")
    assert owners(live, "/srv/two")[1] == "44:44" and len(listed(live)) == 2
    stead("unbind", live, "/srv/two")
    assert owners(live, "/srv/two")[1] == "33:33"
    stead("unbind", live, "/srv/two")
    assert sh(live, "ls /srv/two") == "" and listed(live) == []


def test_unbind_while_in_use(live, source):
    stead("bind", "--mkdir", live, source, "/srv/busy:idmap")
    user = subprocess.Popen([lab.STEAD, "exec", "-C", "/srv/busy", live, "--", "sh", "-c", "echo in; exec sleep 100"],
                            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        assert user.stdout.readline() == b"in\n"
        p = stead("unbind", live, "/srv/busy", status=1)
        assert "is in use" in p.stderr and "--lazy" in p.stderr
        assert owners(live, "/srv/busy")[1] == "1000:1000", "it must be there as before"
        stead("unbind", "--lazy", live, "/srv/busy")
        assert sh(live, "ls /srv/busy") == "" and listed(live) == []
    finally:
        user.send_signal(signal.SIGTERM)
        user.wait(lab.PATIENCE)
        user.stdout.close()


def test_what_the_machine_unmounts_is_forgotten(live, source):
    stead("bind", "--mkdir", live, source, "/srv/gone:idmap")
    sh(live, "umount /srv/gone")
    assert listed(live) == []


def test_two_at_once_are_both_known(live, source):
    words = [[lab.STEAD, "bind", "--mkdir", live, source, f"/srv/many{i}:idmap"] for i in range(8)]
    assert [p.wait(lab.PATIENCE) for p in [subprocess.Popen(w) for w in words]] == [0] * 8
    assert sorted(m["destination"] for m in listed(live)) == [f"/srv/many{i}" for i in range(8)]


def test_the_list_takes_any_name(live, source):
    odd = source / "a b\\\t\nc"
    odd.mkdir()
    stead("bind", "--mkdir", live, odd, "/srv/x y:idmap")
    assert [(m["destination"], m["source"]) for m in listed(live)] == [("/srv/x y", str(odd))]
    stead("unbind", live, "/srv/x y")
    assert re.search(r"DESTINATION +SOURCE +MODE +OPTIONS", stead("bind", live).stdout) or not listed(live)
