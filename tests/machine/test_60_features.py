# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is done only when asked for: owners changed on disk, users of the host, trees from templates,
mounts on the whole root, another root below the tree."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

import lab

BUSY = 0xFFFE0000


def owners(tree):
    return {(p.lstat().st_uid, p.lstat().st_gid) for p in [tree, *tree.rglob("*")]}


def bases(tree):
    return {(uid & ~0xFFFF, gid & ~0xFFFF) for uid, gid in owners(tree)}


def chown(tree, base):
    for path in [tree, *tree.rglob("*")]:
        st = path.lstat()
        os.lchown(path, base + (st.st_uid & 0xFFFF), base + (st.st_gid & 0xFFFF))


def plan(*options):
    out = subprocess.run([lab.LAUNCH, "--dry-run=json", *options], capture_output=True, text=True)
    assert out.returncode == 0, out
    return json.loads(out.stdout)


# --- owners ---------------------------------------------------------------------------------------

def test_CI_131_chown_when_told_to(own_tree):
    tree = own_tree("busybox")
    os.lchown(tree / "etc/os-release", 33, 34)
    (tree / "root/setuid").write_text("x")
    (tree / "root/setuid").chmod(0o4755)
    out = lab.run(tree, "/bin/sh", "-c", "cat /proc/self/uid_map; stat -c %u:%g:%a / /etc/os-release /root/setuid; grep -E '^[0-9]+ [0-9]+ [0-9:]+ [^ ]+ / ' /proc/self/mountinfo",
                  options=["--private-users=1441792", "--private-users-ownership=chown"])
    assert out.returncode == 0, out
    assert out.stdout.split()[:3] == ["0", "1441792", "65536"]
    assert "\n0:0:755\n33:34:" in out.stdout and "\n0:0:4755\n" in out.stdout and "idmapped" not in out.stdout
    assert bases(tree) == {(1441792, 1441792)}
    assert (tree / "etc/os-release").lstat().st_gid == 1441792 + 34

    # it fits now: nothing is touched, and whoever picks takes the owner's range
    before = lab.checksum(tree)
    out = lab.run(tree, "/bin/stat", "-c", "%u", "/", userns=True, options=["--private-users-ownership=chown", "--link-journal=no"])
    assert out.stdout == "0\n" and "Changing" not in out.stderr, out
    assert lab.checksum(tree) == before

    # and back
    out = lab.run(tree, "/bin/stat", "-c", "%u:%g", "/etc/os-release", userns=False, options=["--private-users-ownership=chown"])
    assert out.stdout == "33:34\n", out
    assert bases(tree) == {(0, 0)}
    assert (tree / "root/setuid").lstat().st_mode & 0o7777 == 0o4755


def test_CI_131_chown_of_a_booted_debian(own_tree):
    tree = own_tree("bookworm", links=False)
    before = owners(tree)
    with lab.Machine(tree, "--private-users-ownership=chown") as m:
        assert m.sh("stat -c %u:%g / /etc/shadow; systemctl is-system-running") .split()[:1] == ["0:0"]
        base = m.base
    assert all(base <= n < base + 65536 for pair in owners(tree) for n in pair)
    # tmpfiles of the tree may have set some owners anew meanwhile
    assert {(u - base, g - base) for u, g in owners(tree)} >= before & {(0, 0), (0, 8), (0, 42), (0, 43), (0, 50)}


def test_CI_131_an_unfinished_chown_goes_on(own_tree):
    tree = own_tree("busybox")
    half = sorted(tree.rglob("*"))
    for path in half[: len(half) // 2]:
        os.lchown(path, 1441792, 1441792)
    os.lchown(tree, BUSY, BUSY)
    out = lab.run(tree, "/bin/true", userns=True)
    assert out.returncode != 0 and "not finished" in out.stderr and "chown" in out.stderr, out
    out = lab.run(tree, "/bin/stat", "-c", "%u", "/", "/etc/os-release", options=["--private-users=1507328", "--private-users-ownership=chown"])
    assert out.stdout == "0\n0\n", out
    assert bases(tree) == {(1507328, 1507328)}


@pytest.mark.parametrize("option", ["--read-only", "--volatile=overlay", "--ephemeral", "--overlay=+/::/"])
def test_CI_131_chown_is_refused_where_nothing_is_written(own_tree, option):
    tree = own_tree("busybox")
    before = lab.checksum(tree)
    out = lab.run(tree, "/bin/true", userns=None, options=["--private-users=1441792", "--private-users-ownership=chown", option])
    assert out.returncode != 0 and "exclude each other" in out.stderr, out
    assert lab.checksum(tree) == before


def test_CI_131_chown_needs_a_whole_range(own_tree):
    out = lab.run(own_tree("busybox"), "/bin/true", options=["--private-users=100000", "--private-users-ownership=chown"])
    assert out.returncode != 0 and "--private-users=131072" in out.stderr, out


@pytest.mark.parametrize("volatile", [[], ["--volatile=overlay"], ["--ephemeral"]], ids=["plain", "overlay", "ephemeral"])
def test_CI_130_a_tree_of_another_range_is_shown_right(own_tree, volatile):
    """Owned by one range (of another run, or of nspawn), run in another, without a change on disk."""
    tree = own_tree("busybox")
    os.lchown(tree / "etc/os-release", 33, 33)
    chown(tree, 0x5AAB0000)
    out = lab.run(tree, "/bin/sh", "-c", "stat -c %u / /etc/os-release; touch /root/new && stat -c %u /root/new",
                  options=["--private-users=1441792", "--private-users-ownership=map", *volatile])
    assert out.stdout.split() == ["0", "33", "0"], out
    assert bases(tree) == {(0x5AAB0000, 0x5AAB0000)}
    assert volatile or (tree / "root/new").lstat().st_uid == 0x5AAB0000


def test_CI_132_a_part_of_the_tree_looks_as_in_place(own_tree):
    out = lab.run(own_tree("busybox"), "/bin/stat", "-c", "%u", "/mnt/os-release", userns=True, options=["--bind=+/etc:/mnt"])
    assert out.stdout == "0\n", out


# --- users of the host ----------------------------------------------------------------------------

@contextlib.contextmanager
def host_users(*lines):
    """Users that only the launcher sees: "name:uid:gid:group:gecos"; yields prefix and home folder."""
    with lab.folder() as d:
        d.chmod(0o755)
        text = {name: open(f"/etc/{name}").read() for name in ("passwd", "group", "shadow")}
        for line in lines:
            name, uid, gid, group, gecos = line.split(":")
            home = d / name
            home.mkdir()
            (home / "file").write_text("from home\n")
            for path in (home, home / "file"):
                os.chown(path, int(uid), int(gid))
            text["passwd"] += f"{name}:x:{uid}:{gid}:{gecos}:{home}:/bin/sh\n"
            text["group"] += f"{group}:x:{gid}:\n"
            text["shadow"] += f"{name}:$y$j9T$secret:19000:0:99999:7:::\n"
        script = "umask 022;"
        for name, content in text.items():
            (d / f"etc-{name}").write_text(content)
            script += f"mount --bind {d}/etc-{name} /etc/{name};"
        yield ("unshare", "-m", "--propagation", "private", "sh", "-ec", script + 'exec "$@"', "sh"), d


def test_CI_201_bind_user(own_tree):
    tree = own_tree("busybox")
    with (tree / "etc/passwd").open("a") as f:
        f.write("taken:x:60514:60514::/:/bin/sh\n")
    with host_users('anna:4711:4712:anna:An "A" na,room', "bert:4720:4720:bert:") as (prefix, homes):
        out = lab.run(tree, "/bin/sh", "-c",
                      "cat /proc/self/uid_map; echo =; cat /proc/self/gid_map; echo =; cd /run/host/userdb; cat anna.user anna.group 60515.user-privileged 60516.group;"
                      "echo =; ls -l; echo =; stat -c %u:%g /run/host/home/anna/file /run/host/home/bert /; touch /run/host/home/x",
                      userns=True, prefix=prefix, options=["--bind-user=anna", "--bind-user=bert", "--bind-user=anna"])
        uids, gids, records, listing, stats = out.stdout.split("=\n")
        base = int(uids.split()[1])
        assert [[int(n) for n in line.split()] for line in uids.splitlines()] == [
            [0, base, 60515], [60515, 4711, 1], [60516, 4720, 1], [60517, base + 60517, 65536 - 60517]]
        assert [int(line.split()[1]) for line in gids.splitlines()][1:3] == [4712, 4720]
        user, group, privileged, other = map(json.loads, records.splitlines())
        assert user == {"disposition": "container", "service": "org.stead1", "userName": "anna", "uid": 60515, "gid": 60515,
                        "realName": 'An "A" na', "homeDirectory": "/run/host/home/anna", "shell": "/bin/sh"}
        assert group["groupName"] == "anna" and group["gid"] == 60515 and other["groupName"] == "bert"
        assert privileged == {"privileged": {"hashedPassword": ["$y$j9T$secret"]}}
        assert re.search(r"(?m)^-rw------- .* anna.user-privileged$", listing) and "60515.user -> anna.user" in listing
        assert stats.split() == ["60515:60515", "60516:60516", "0:0"]
        assert "Read-only" in out.stderr, out

        out = lab.run(tree, "/bin/touch", "/run/host/home/anna/mine", userns=True, prefix=prefix, options=["--bind-user=anna", "--user=60515"])
        assert out.returncode == 0, out
        assert ((homes / "anna/mine").stat().st_uid, stat.S_ISREG((homes / "anna/mine").stat().st_mode)) == (4711, True)


def test_CI_201_the_tree_is_mapped_without_the_user(own_tree):
    """On disk the host's user has no place in the tree: what it would own there does not become its own."""
    tree = own_tree("busybox")
    os.lchown(tree / "etc/os-release", 60514, 4711)
    with host_users("anna:4711:4711:anna:") as (prefix, _):
        out = lab.run(tree, "/bin/stat", "-c", "%u:%g", "/", "/etc/os-release", userns=True, prefix=prefix, options=["--bind-user=anna"])
    assert out.returncode == 0 and out.stdout.split()[0] == "0:0" and out.stdout.split()[1].endswith(":4711"), out


def test_CI_201_known_by_name_in_a_booted_machine(own_tree):
    """systemd of the machine reads the records; the tree gets its name service from a host of the same release."""
    release = dict(line.split("=", 1) for line in open("/etc/os-release").read().splitlines() if "=" in line)
    module = next(iter(pathlib.Path("/usr/lib").glob("*/libnss_systemd.so.2")), None)
    if not module or release.get("VERSION_CODENAME") != "bookworm":
        pytest.skip("needs libnss-systemd of Debian 12 on the host: apt-get install libnss-systemd")
    tree = own_tree("bookworm")
    shutil.copy(module, str(tree) + str(module))
    (tree / "etc/nsswitch.conf").write_text("passwd: files systemd\ngroup: files systemd\nshadow: files systemd\n")
    with host_users("anna:4711:4711:anna:Anna") as (prefix, homes):
        with lab.Machine(tree, "--bind-user=anna", prefix=prefix) as m:
            assert m.sh("getent passwd anna 60514; getent group anna; getent shadow anna | cut -c1-20").splitlines() == [
                *["anna:x:60514:60514:Anna:/run/host/home/anna:/bin/sh"] * 2, "anna:x:60514:", "anna:$y$j9T$secret:::"[:20]]
            m.sh("su -c 'echo hers > ~/mine' anna")
        m.assert_clean()
        assert (homes / "anna/mine").stat().st_uid == 4711


@pytest.mark.parametrize("line, name, options, message", [
    (None, "root", [], "stays outside"),
    (None, "nobody", [], "nobody"),
    (None, "st-no-such-user", [], "no user"),
    ("anna:4711:4711:shared:", "anna", [], "group of its own"),
    ("daemon2:4711:4711:daemon2:", "daemon2", ["tree"], "tree has a user or group"),
    ("anna:4711:4711:anna:", "anna", ["--private-users=no"], "exclude each other"),
    ("anna:4711:4711:anna:", "anna", ["--private-users=identity"], "in the machine already"),
    ("anna:4711:4711:anna:", "anna", ["--api-writable=yes"], "user namespace"),
])
def test_CI_202_refused(own_tree, line, name, options, message):
    tree = own_tree("busybox")
    if options == ["tree"]:
        options = []
        with (tree / "etc/group").open("a") as f:
            f.write(f"{name}:x:77:\n")
    with host_users(*filter(None, [line])) as (prefix, _):
        out = lab.run(tree, "/bin/true", prefix=prefix, options=[f"--bind-user={name}", *options])
    assert out.returncode != 0 and message in out.stderr and "Try:" in out.stderr, out


def test_plan_shows_bind_users(own_tree):
    tree = own_tree("busybox")
    with host_users("anna:4711:4711:anna:") as (prefix, homes):
        out = subprocess.run([*prefix, lab.LAUNCH, "--dry-run=json", "-D", tree, "--bind-user=anna", "/bin/true"], capture_output=True, text=True)
    assert json.loads(out.stdout)["bind-users"] == [f"anna (4711:4711) -> 60514, {homes}/anna"], out
    assert "secret" not in out.stdout


# --- templates ------------------------------------------------------------------------------------

def test_template_makes_a_missing_tree(own_tree):
    template = own_tree("busybox")
    (template / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    before = lab.checksum(template)
    with lab.folder() as d:
        new = d / "made" / "copy"
        shown = plan("-D", new, f"--template={template}", "/bin/true")
        assert shown["directory"] == str(template) and shown["machine"] == "copy" and not new.exists()
        out = lab.run(new, "/bin/sh", "-c", "cat /etc/hostname; wc -c < /etc/machine-id; touch /root/mine", options=[f"--template={template}", "-M", f"st{os.getpid()}-made"])
        assert out.stdout.split() == [f"st{os.getpid()}-made", "0"], out
        assert lab.checksum(template) == before
        # the second time it is there
        out = lab.run(new, "/bin/ls", "/root", options=[f"--template={template}"])
        assert "mine" in out.stdout, out
        assert sorted(os.listdir(new.parent)) == ["copy"]


def test_template_leaves_nothing_half(own_tree):
    template = own_tree("busybox")
    with lab.folder() as d:
        limits = ("sh", "-ec", 'ulimit -f 1; trap "" XFSZ; exec "$@"', "sh")  # files of 512 bytes: the copy fails
        out = lab.run(d / "copy", "/bin/true", options=[f"--template={template}"], prefix=limits)
        assert out.returncode != 0 and "File too large" in out.stderr, out
        assert os.listdir(d) == []


@pytest.mark.parametrize("options, message", [
    (["--template=/no/such/tree", "-D", "/var/tmp/st-not-made"], "/no/such/tree"),
    (["--template=/var/tmp"], "not what to make of it"),
    (["--template=/var/tmp", "-D", "/var/tmp/st-not-made", "-x"], "exclude each other")])
def test_template_refused(options, message):
    out = subprocess.run([lab.LAUNCH, *options, "/bin/true"], capture_output=True, text=True)
    assert out.returncode != 0 and message in out.stderr and "Try:" in out.stderr, out
    assert not os.path.exists("/var/tmp/st-not-made")


# --- another root ---------------------------------------------------------------------------------

def test_bind_on_the_root(own_tree):
    """The tree below is only held, not used."""
    below, shown = own_tree("busybox"), own_tree("busybox")
    (shown / "root/marker").write_text("x")
    out = lab.run(below, "/bin/sh", "-c", "ls /root; touch /root/new", options=[f"--bind={shown}:/"])
    assert out.stdout.split() == ["marker"] and (shown / "root/new").exists(), out
    assert not (below / "root/new").exists()
    out = lab.run(below, "/bin/touch", "/root/more", options=[f"--bind-ro={shown}:/"])
    assert out.returncode != 0 and "Read-only" in out.stderr, out


def test_bind_on_the_root_with_users(own_tree):
    below, shown = own_tree("busybox"), own_tree("busybox")
    out = lab.run(below, "/bin/stat", "-c", "%u", "/", "/etc/os-release", options=[f"--bind={shown}:/:idmap", "--private-users=1441792"])
    assert out.stdout == "0\n0\n", out


@pytest.mark.parametrize("users", ["no", "1441792"])
def test_overlay_on_the_root(own_tree, users):
    tree = own_tree("busybox")
    with lab.folder() as d:
        d.chmod(0o755)
        upper = d / "upper"
        upper.mkdir()
        options = [f"--overlay={tree}:{upper}:/", f"--private-users={users}"]
        out = lab.run(tree, "/bin/sh", "-c", "touch /root/new && stat -c %u / /root/new", options=options)
        assert out.stdout == "0\n0\n", out
        assert (upper / "root/new").stat().st_uid == 0 and not (tree / "root/new").exists()
        assert lab.run(tree, "/bin/ls", "/root", options=options).stdout.split() == ["new"]
        assert sorted(os.listdir(d)) == ["upper"], "the work directory is removed"


@pytest.mark.parametrize("users", ["no", "1441792"])
def test_overlay_with_an_upper_layer_to_keep(own_tree, users):
    """On the host, and in the tree itself; only the upper layer itself stays."""
    tree = own_tree("busybox")
    (tree / "srv/upper").mkdir(parents=True)
    with lab.folder() as d:
        d.chmod(0o755)
        (d / "upper").mkdir()
        out = lab.run(tree, "/bin/sh", "-c", "touch /mnt/new && stat -c %u /mnt/new; touch /opt/new && stat -c %u /opt/new",
                      options=[f"--overlay={tree}/etc:{d}/upper:/mnt", "--overlay=+/etc:+/srv/upper:/opt",
                               f"--private-users={users}", "--private-users-ownership=auto"])
        assert out.stdout == "0\n0\n", out
        assert (d / "upper/new").stat().st_uid == 0 and os.listdir(d) == ["upper"]
        assert (tree / "srv/upper/new").stat().st_uid == 0 and os.listdir(tree / "srv") == ["upper"]


def test_throw_away_overlay_of_the_tree_itself(own_tree):
    tree = own_tree("busybox")
    before = lab.checksum(tree)
    out = lab.run(tree, "/bin/sh", "-c", "touch /root/new && ls /root", options=["--overlay=+/::/"])
    assert out.stdout.split() == ["new"], out
    assert lab.checksum(tree) == before
    shown = plan("-D", tree, "--overlay=+/::/", "/bin/true")
    assert shown["user-namespace"] == "no" and shown["read-only"] and shown["mounts"][0].startswith("overlay +/:")


@pytest.mark.parametrize("options, message", [
    (["--bind=/srv:/", "--bind=/mnt:/"], "second mount"), (["--bind=:/"], "empty directory"), (["--overlay=+/::/", "--nesting"], "nesting"),
    (["--tmpfs=/"], "whole tree"), (["--overlay=+/::/", "-U"], "exclude each other"), (["--overlay=+/::/", "--volatile"], "exclude each other")])
def test_mount_on_the_root_refused(own_tree, options, message):
    out = lab.run(own_tree("busybox"), "/bin/true", options=options)
    assert out.returncode != 0 and message.lower() in out.stderr.lower(), out


# --- pivot root -----------------------------------------------------------------------------------

@pytest.mark.parametrize("userns", [True, False], ids=["users", "nousers"])
def test_pivot_root(own_tree, userns):
    inner = own_tree("busybox")
    with lab.folder() as d:
        d.chmod(0o755)
        (d / "ostree").mkdir()
        (d / "outer-file").write_text("outer\n")
        os.rename(inner, d / "ostree/deploy")
        script = "cat /sysroot/outer-file; stat -c %u / /sysroot /sysroot/outer-file; ls -d /sysroot/ostree/deploy/bin; touch /sysroot/new"
        out = lab.run(d, "/bin/sh", "-c", script, userns=userns, options=["--pivot-root=/ostree/deploy:/sysroot"])
        assert out.stdout.split() == ["outer", "0", "0", "0", "/sysroot/ostree/deploy/bin"], out
        assert (d / "new").stat().st_uid == 0
        out = lab.run(d, "/bin/sh", "-c", script, userns=userns, options=["--pivot-root=/ostree/deploy:/sysroot", "--volatile=overlay"])
        assert "Read-only" in out.stderr, out
        out = lab.run(d, "/bin/sh", "-c", "ls /sysroot", userns=userns, options=["--pivot-root=/ostree/deploy"])
        assert "outer-file" not in out.stdout
        out = lab.run(d, "/bin/true", userns=userns, options=["--pivot-root=/ostree/deploy:/"])
        assert out.returncode != 0 and "/sysroot" in out.stderr, out


def test_CI_207_pivot_root_stays_in_the_tree(own_tree):
    """A link of the tree cannot make a directory of the host the root."""
    host_like = own_tree("busybox")
    with lab.folder() as d:
        os.symlink(host_like, d / "out")
        out = lab.run(d, "/bin/true", userns=False, options=["--pivot-root=/out"])
        assert out.returncode != 0 and "/out" in out.stderr, out


@pytest.mark.parametrize("options, status", [(["--keep-unit"], 0), ([], 137)])
def test_a_plain_command_in_a_unit_stops_well(options, status):
    """It has no other end than a signal, and a unit that was stopped has not failed."""
    m = lab.Machine(lab.tree("bookworm"), "--read-only", *options, boot=False, argv=["sleep", "60"])
    m.start()
    m.process.terminate()
    assert m.process.wait(lab.PATIENCE) == status
