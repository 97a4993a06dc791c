# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines of layers: the root, what is written, who may take what away meanwhile."""
import contextlib
import fcntl
import json
import os
import pathlib
import re
import signal
import stat
import statistics
import subprocess
import time

import pytest

import lab
import layered
from lab import new_name, wait_for

BIG = 1 << 20


@pytest.fixture(scope="module")
def store():
    s = layered.Store(lab.work / new_name("store"))
    s.base("debian/12/base", "bookworm")
    s.base("small", "busybox")
    top = s.new("site/top")
    (top / "etc").mkdir(mode=0o755)
    (top / "etc/hello").write_text("hello\n")
    yield s
    s.remove()


@pytest.fixture
def name(store):
    n = new_name("ly")
    yield n
    lab.remove_tree(store.states / n)
    for path in pathlib.Path("/var/lib/stead/ephemeral").glob(n):
        lab.remove_tree(path)


def ok(out):
    assert out.returncode == 0, out
    return out.stdout


def sh(store, name, script, *options, layers=("small", "site/top"), **more):
    return store.run(name, layers, "/bin/sh", "-c", script, options=options, **more)


# --- a whole Debian -------------------------------------------------------------------------------

def test_systemd_boots_and_keeps_what_it_writes(store, name):
    layers = ["debian/12/base", "site/top"]
    store.stack(name, *layers)
    base = store.checkouts / os.listdir(store.checkouts)[0]
    before = lab.checksum(store.checkouts)
    m = store.machine(name, layers)
    with m:
        assert m.sh("cat /etc/hello; systemctl is-system-running --wait >/dev/null; cat /proc/1/comm") == "hello\nsystemd"
        assert m.sh("stat -c %u:%g:%a / /etc/shadow /usr/bin/passwd /var/mail") == \
            "0:0:755\n0:42:640\n0:0:4755\n0:8:2775"
        assert m.sh("systemctl --failed --no-legend --plain") == ""
        m.sh("useradd -m ada; echo mine > /home/ada/file; chown ada: /home/ada/file; rm /etc/issue; rm -r /etc/default; "
             "mkdir /etc/default; echo new > /etc/default/x; setcap cap_net_raw+ep /usr/bin/ls 2>/dev/null; cp /bin/true /root/true")
        assert m.state()["ROOT"] == str(store.states / name)
        mounted = [line for line in lab.mountinfo() if str(store.where) in line]
        assert not mounted, "nothing of it may be mounted on the host"
    assert m.process.returncode == 0, m.output()
    m.assert_clean()
    assert lab.checksum(store.checkouts) == before, "a layer was written to"
    upper = store.upper(name)
    user = (upper / "home/ada/file").stat()
    assert (user.st_uid, user.st_gid) == (1000, 1000) and (upper / "root/true").stat().st_uid == 0
    gone = (upper / "etc/issue").lstat()
    assert stat.S_ISCHR(gone.st_mode) and gone.st_rdev == 0 and gone.st_uid == 0, "a whiteout, of root"
    assert os.getxattr(upper / "etc/default", "trusted.overlay.opaque") == b"y"
    owners = {p.lstat().st_uid for p in upper.rglob("*")}
    assert all(uid < 65536 for uid in owners), owners
    # once more, in another range
    with store.machine(name, layers, userns=None) as again:
        assert again.sh("cat /home/ada/file; stat -c %U /home/ada/file; ls /etc/default; ls /etc/issue 2>&1 | wc -l") == \
            "mine\nada\nx\n1"
    assert base.exists()


def test_setuid_and_capabilities_work_for_users_of_the_machine(store, name):
    store.stack(name, "debian/12/base")
    with store.machine(name, ["debian/12/base"]) as m:
        m.sh("useradd ada; cp /usr/bin/id /usr/local/bin/as-root; chmod 4755 /usr/local/bin/as-root; "
             "cp /usr/bin/grep /usr/local/bin/grep-caps")
        assert m.exec("/usr/local/bin/as-root", "-u", user="ada").stdout.strip() == "0", "a set-user-id copy of the upper layer"
        # a lower layer's: passwd may read /etc/shadow only as root
        assert " P " in m.exec("/usr/bin/passwd", "-S", "root", user="ada").stdout or \
            re.search(r"^root (L|P|NP) ", m.exec("/usr/bin/passwd", "-S", user="ada").stdout.replace("ada", "root"))


def capability(path):
    with contextlib.suppress(OSError):
        return os.getxattr(path, "security.capability")
    return None


NET_RAW = b"\x01\x00\x00\x02\x00\x20\x00\x00" + b"\0" * 12  # version 2, effective, cap_net_raw


def test_file_capabilities_of_layer_and_upper(store, name):
    """Of a lower layer they work for users inside; those that root inside gives are a layer's own on disk."""
    top = store.new(name + "-caps")
    (top / "opt").mkdir()
    source = lab.tree("bookworm") / "usr/bin/grep"
    subprocess.run(["cp", source, top / "opt/grep"], check=True)
    os.setxattr(top / "opt/grep", "security.capability", NET_RAW)
    layers = ["debian/12/base", name + "-caps"]
    store.stack(name, *layers)
    set_it = ("import os; os.setxattr('/root/grep', 'security.capability', bytes.fromhex('%s'))" % NET_RAW.hex())
    with store.machine(name, layers) as m:
        m.sh("useradd ada")
        assert "2000" in m.exec("/opt/grep", "CapEff", "/proc/self/status", user="ada").stdout, "of a lower layer"
        m.sh("cp /bin/grep /root/grep; chmod 755 /root")
        out = m.sh(f'python3 -c "{set_it}" || perl -e1; echo done')
        if capability(store.upper(name) / "root/grep"):
            assert "2000" in m.exec("/root/grep", "CapEff", "/proc/self/status", user="ada").stdout
        assert "done" in out
        # copied up by a change of owner's metadata: it stays a plain one
        m.sh("touch -d 2001-01-01 /opt/grep")
    copied = capability(store.upper(name) / "opt/grep")
    assert copied and copied[:8] == NET_RAW[:8] and len(copied) == 20, "version 2 on disk, as a layer has it"


# --- what hides what ------------------------------------------------------------------------------

def test_whiteout_and_opaque_directory_of_a_layer_hide(store, name):
    low, high = store.new(name + "-low"), store.new(name + "-high")
    for where in ("gone", "shown", "closed", "open"):
        (low / where).mkdir()
        (low / where / "low").write_text("")
    os.mknod(high / "gone", stat.S_IFCHR | 0o600, os.makedev(0, 0))
    (high / "closed").mkdir()
    os.setxattr(high / "closed", "trusted.overlay.opaque", b"y")
    (high / "closed/high").write_text("")
    (high / "open").mkdir()
    (high / "open/high").write_text("")
    layers = ("small", name + "-low", name + "-high")
    store.stack(name, *layers)
    out = ok(sh(store, name, "ls -d /gone 2>/dev/null; ls /shown /closed /open", layers=layers))
    assert out.split() == ["/closed:", "high", "", "/open:", "high", "low", "", "/shown:", "low"] or \
        out.replace("\n", " ").split() == ["/closed:", "high", "/open:", "high", "low", "/shown:", "low"]


def test_fifty_layers(store, name):
    layers = ["small"]
    for i in range(49):
        layer = store.new(f"{name}-{i}")
        (layer / "n").mkdir()
        (layer / f"n/{i}").write_text("")
        (layer / "top").write_text(f"{i}\n")
        layers.append(f"{name}-{i}")
    store.stack(name, *layers)
    assert ok(sh(store, name, "ls /n | wc -l; cat /top", layers=layers)).split() == ["49", "48"]
    assert ok(sh(store, name, "cat /top", "--dry-run", layers=layers)), "the plan looks at all of them, too"


def test_one_layer_alone(store, name):
    store.stack(name, "small")
    assert ok(sh(store, name, "echo x > /root/x; cat /root/x", layers=["small"])) == "x\n"
    assert ok(sh(store, name, "cat /root/x; touch /y 2>/dev/null || echo no", "--read-only", layers=["small"])) == "x\nno\n"


# --- modes ----------------------------------------------------------------------------------------

def written(store, name):
    upper = store.upper(name)
    return sorted(str(p.relative_to(upper)) for p in upper.rglob("*")) if upper.exists() else None


def test_read_only_shows_the_state_and_writes_nothing(store, name):
    store.stack(name, "small", "site/top")
    assert written(store, name) is None
    out = sh(store, name, "cat /etc/hello; touch /root/x", "--read-only")
    assert out.stdout == "hello\n" and "Read-only" in out.stderr
    assert not (written(store, name) or [])
    ok(sh(store, name, "echo mine > /etc/hello"))
    assert sh(store, name, "cat /etc/hello", "--read-only").stdout == "mine\n"


@pytest.mark.parametrize("option", ["--ephemeral", "--volatile=overlay", "--volatile=state"])
def test_what_is_thrown_away(store, name, option):
    store.stack(name, "small", "site/top")
    ok(sh(store, name, "echo mine > /etc/hello"))
    before = written(store, name)
    script = "cat /etc/hello; mkdir -p /var/x && touch /var/x/y && ls /var/x"
    assert ok(sh(store, name, script, option)) == "mine\ny\n"
    assert written(store, name) == before
    assert not pathlib.Path("/var/lib/stead/ephemeral", name).exists()


def test_volatile_yes(store, name):
    store.stack(name, "debian/12/base", "site/top")
    out = sh(store, name, "ls /usr/bin/env; ls /etc; touch /usr/x", "--volatile=yes", layers=["debian/12/base", "site/top"])
    assert "/usr/bin/env" in out.stdout and "Read-only" in out.stderr and "hello" not in out.stdout
    assert not (written(store, name) or [])


@pytest.mark.parametrize("option", ["--private-users=no", "--private-users=identity", "--private-users=1048576"])
def test_ranges(store, name, option):
    store.stack(name, "small", "site/top")
    ok(sh(store, name, "echo x > /root/x; chown 7:8 /root/x", option))
    st = (store.upper(name) / "root/x").stat()
    assert (st.st_uid, st.st_gid) == (7, 8)
    assert ok(sh(store, name, "stat -c %u:%g /root/x")) == "7:8\n"


def test_a_source_in_the_tree_is_of_the_finished_root(store, name):
    store.stack(name, "small", "site/top")
    ok(sh(store, name, "mkdir -p /srv/a; echo x > /srv/a/b"))
    out = ok(sh(store, name, "cat /mnt/b /mnt/etc/hello 2>/dev/null; stat -c %u /mnt/b; echo y > /mnt/b", "--bind=+/srv/a:/mnt"))
    assert out == "x\n0\n"
    assert (store.upper(name) / "srv/a/b").read_text() == "y\n"


# --- locks ----------------------------------------------------------------------------------------

def is_locked(path, how):
    with open(path) if pathlib.Path(path).is_file() else contextlib.closing(open_folder(path)) as f:
        try:
            fcntl.flock(f if isinstance(f, int) else f.fileno(), how | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


class open_folder:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def fileno(self):
        return self.fd

    def close(self):
        os.close(self.fd)


@contextlib.contextmanager
def sleeping(store, name, layers=("small", "site/top"), *options):
    m = store.machine(name, layers, "--as-pid2", *options, boot=False, argv=["/bin/sleep", "1000"])
    m.spawn()
    try:
        wait_for(lambda: m.state().get("STATE") == "running" or m.process.poll() is not None, what="the machine")
        assert m.process.poll() is None, m.output()
        yield m
    finally:
        m.kill()


def test_checkouts_and_state_are_locked_while_it_runs(store, name):
    store.stack(name, "small", "site/top")
    used = [store.checkouts / line.split()[1] for line in (store.states / name / "stack").read_text().splitlines()
            if line.startswith("lower")]
    with sleeping(store, name):
        for path in used:
            assert is_locked(path, fcntl.LOCK_EX), "a garbage collection must leave it"
            assert not is_locked(path, fcntl.LOCK_SH), "others may use it"
        second = sh(store, name, "true")
        assert second.returncode == 1 and "in use" in second.stderr, second
        assert f"stead stop {name}" in second.stderr
    for path in used:
        assert not is_locked(path, fcntl.LOCK_EX)


def test_kill_leaves_nothing(store, name):
    store.stack(name, "small", "site/top")
    before = lab.mountinfo()
    with sleeping(store, name) as m:
        leader = m.leader
        m.process.kill()
        m.process.wait()
        wait_for(lambda: not pathlib.Path(f"/proc/{leader}").exists(), what="the end of PID 1")
    lab.assert_no_more(lab.mountinfo, before)
    assert ok(sh(store, name, "cat /etc/hello")) == "hello\n"


def test_twenty_machines_share_one_base(store):
    names = [new_name("ly20") for _ in range(20)]
    with contextlib.ExitStack() as stack:
        machines = []
        for n in names:
            store.stack(n, "small", "site/top")
            machines.append(stack.enter_context(sleeping(store, n)))
        seen = {m.sh("stat -c %i /bin/busybox") for m in machines}
        assert len(seen) == 1 and int(seen.pop()) in {p.stat().st_ino for p in store.checkouts.glob("*/bin/busybox")}
    for n in names:
        lab.remove_tree(store.states / n)


# --- the stack ------------------------------------------------------------------------------------

def test_a_stack_that_is_not_made_yet_is_not_planned_on(store, name):
    out = sh(store, name, "true", "--dry-run")
    assert out.returncode == 1 and f"stead start {name}" in out.stderr, out
    assert not (store.states / name).exists(), "looking makes nothing"
    store.stack(name, "small", "site/top")
    (store.states / name / "wanted").write_text("2\n")
    out = sh(store, name, "true", "--dry-run")
    assert out.returncode == 1 and "next start" in out.stderr, out


def test_an_update_that_cannot_be_made_does_not_keep_it_down(store, name):
    state = store.stack(name, "small", "site/top")
    (state / "wanted").write_text("2\n")
    out = sh(store, name, "cat /etc/hello")
    assert ok(out) == "hello\n" and "generation 2" in out.stderr and "starts on its generation 1" in out.stderr, out
    out = sh(store, name, "true", layers=["small"])
    assert out.returncode == 1 and "starts on" not in out.stderr, "those are not the layers that it is to have"


def test_what_stead_switch_says_is_the_error(store, name):
    out = sh(store, name, "true", layers=["nowhere"])
    assert out.returncode == 1, out
    assert f"Machine '{name}' cannot get its layers: There is no layer 'nowhere'" in out.stderr
    assert "  Try: stead layer list" in out.stderr and "Try: Try" not in out.stderr


def test_a_layer_of_the_store_and_a_disk(store, name):
    """All programs together: the first start makes checkout, generation and stack, in the file system in a file."""
    ok(stead(store, "layer", "import", f"{name}/base", str(lab.tree("busybox"))))
    for said in ("x\n", "x\nx\n"):
        assert ok(sh(store, name, "echo x >> /root/x; cat /root/x", "--disk-max=32M", layers=[f"{name}/base"])) == said
    text = (store.states / name / "stack").read_text()
    assert re.fullmatch(rf"stead-stack 1\ngeneration 1\nlower \w{{64}} {name}/base\n", text), text


@pytest.mark.parametrize("text", ["", "stead-stack 1\n", "stead-stack 1\ngeneration 1\n", "stead-stack 2\n",
                                  "stead-stack 1\ngeneration 1\nlower 12 x\n", "stead-stack 1\ngeneration 1\nlow"])
def test_a_damaged_stack_is_refused_by_name(store, name, text):
    state = store.stack(name, "small")
    (state / "stack").write_text(text)
    out = sh(store, name, "true", layers=["small"])
    assert out.returncode == 1 and "'stack'" in out.stderr and "damaged" in out.stderr, out


def test_plan_shows_the_layers_and_finds_the_init(store, name):
    store.stack(name, "debian/12/base", "site/top")
    out = store.run(name, ["debian/12/base", "site/top"], options=["--dry-run=json", "-b"])
    plan = json.loads(ok(out))
    assert plan["layers"] == ["debian/12/base", "site/top"] and plan["generation"] == 1
    assert plan["init"] == "systemd" and plan["ownership"] == "map" and plan["directory"] == str(store.states / name)


def test_users_of_the_state_are_found(store, name):
    """The plan looks at all layers together, the machine's own above them."""
    store.stack(name, "small", "site/top")
    ok(sh(store, name, "echo ada:x:1234:1234::/:/bin/sh >> /etc/passwd"))
    assert ok(sh(store, name, "id -u", "--user=ada")) == "1234\n"


@pytest.mark.parametrize("options,words", [
    (["--directory=/"], "exclude each other"),
    (["--template=/"], "exclude each other"),
    (["--private-users-ownership=chown", "--private-users=pick"], "--private-users-ownership=map"),
    (["--private-users=yes"], "--private-users=pick"),
    (["--pivot-root=/a"], "exclude each other"),
    (["--bind=/usr:/"], "exclude each other"),
])
def test_what_layers_exclude(store, name, options, words):
    store.stack(name, "small", "site/top")
    out = sh(store, name, "true", *options)
    assert out.returncode == 1 and words in out.stderr, out


@pytest.mark.parametrize("layers", ["../x", "a//b", "/a", "a/", ".a", "-a", "a@12", "a~", "a b a", "a,b"])
def test_bad_names(store, name, layers):
    out = subprocess.run([lab.LAUNCH, f"--layers={layers}", "-M", name, "--dry-run"], capture_output=True, text=True,
                         env=lab.clean_environment(**store.env))
    assert out.returncode == 1 and "--layers" in out.stderr, out


def test_disk_max_is_not_ignored_for_a_plain_tree():
    out = lab.run(lab.tree("busybox"), "/bin/true", options=["--disk-max=1G", "--read-only"])
    assert out.returncode == 1 and "DiskMax= is for machines of layers" in out.stderr, out


def test_layers_need_a_name(store):
    out = subprocess.run([lab.LAUNCH, "--layers=small", "/bin/true"], capture_output=True, text=True,
                         env=lab.clean_environment(**store.env))
    assert out.returncode == 1 and "--machine=NAME" in out.stderr, out


def test_internal_reboot_takes_what_is_wanted_meanwhile(store, name):
    layers = ["debian/12/base", "site/top"]
    state = store.stack(name, *layers)
    with store.machine(name, layers) as m:
        assert m.sh("cat /etc/hello") == "hello"
        # another checkout under the same name: what a switch would make
        other = store.new(name + "-new")
        (other / "etc").mkdir()
        (other / "etc/hello").write_text("new\n")
        text = (state / "stack").read_text().replace("generation 1", "generation 2")
        text = re.sub(r"lower \w+ site/top", f"lower {other.name} site/top", text)
        (state / "stack").write_text(text)
        (state / "wanted").write_text("2\n")
        first = m.state()["LEADER"]
        m.sh("systemctl reboot")
        wait_for(lambda: m.state().get("LEADER") not in (None, first) and m.state().get("STATE") == "running", what="reboot")
        assert m.sh("cat /etc/hello") == "new"


# --- DiskMax=, by a file system in a file ---------------------------------------------------------
# (project quotas: tests/vm/test_80_layers.py, since kernels for tests have none)

FILL = "dd if=/dev/zero of=/root/big bs=64k count=4096 2>&1 | head -1; wc -c < /root/big; rm -f /root/big"


def filled(out):
    """What dd said and how much it could write, in MiB."""
    said, size = ok(out).splitlines()[-2:]
    return said, int(size) / BIG


@pytest.fixture(params=["here", "xfs", "btrfs"])
def disk(request, store, name):
    """What to put before a launcher so that states are on another file system."""
    if request.param == "here":
        yield []
        return
    if request.param not in pathlib.Path("/proc/filesystems").read_text():
        pytest.skip(f"this kernel has no {request.param}")
    where = layered.Disk(store, request.param)
    yield where.prefix(name)
    where.image.unlink()


def test_disk_max_is_enospc_and_the_machine_goes_on(store, name, disk):
    store.stack(name, "small", "site/top")
    ok(sh(store, name, "echo before > /root/x; chown 7:8 /root/x; chmod 4711 /root/x", prefix=disk))
    said, size = filled(sh(store, name, FILL, "--disk-max=64M", prefix=disk))
    assert "No space left on device" in said and 32 < size < 64
    # what was written before the limit came is there, and gone from where it was
    assert ok(sh(store, name, "cat /root/x; stat -c %u:%g:%a /root/x; echo after > /root/y", "--disk-max=64M", prefix=disk)) == \
        "before\n7:8:4711\n"
    assert ok(sh(store, name, "cat /root/y", prefix=disk)) == "after\n", "the file is used with and without the key"
    said, size = filled(sh(store, name, FILL, "--disk-max=128M", prefix=disk))
    assert "No space" in said and 80 < size < 128, "it grows at a start"
    assert ok(sh(store, name, "cat /root/x /root/y", "--read-only", prefix=disk)) == "before\nafter\n"


def test_disk_max_can_be_lowered_to_what_is_used(store, name):
    store.stack(name, "small")
    ok(sh(store, name, "dd if=/dev/urandom of=/root/big bs=1M count=40 2>/dev/null", "--disk-max=160M", layers=["small"]))
    out = sh(store, name, "true", "--disk-max=30M", layers=["small"])
    assert out.returncode == 1 and "cannot become smaller" in out.stderr and "DiskMax=" in out.stderr, out
    assert ok(sh(store, name, "wc -c < /root/big", "--disk-max=120M", layers=["small"])).strip() == str(40 * BIG)
    assert (store.states / name / "state.img").stat().st_size == 120 * BIG
    ok(sh(store, name, "rm /root/big; sync", layers=["small"]))
    ok(sh(store, name, "true", "--disk-max=30M", layers=["small"]))
    assert (store.states / name / "state.img").stat().st_blocks * 512 < 20 * BIG, "what was removed is given back"


def test_users_in_an_image_are_found(store, name):
    store.stack(name, "small")
    ok(sh(store, name, "echo ada:x:1234:1234::/:/bin/sh >> /etc/passwd", "--disk-max=32M", layers=["small"]))
    assert ok(sh(store, name, "id -u", "--user=ada", layers=["small"])) == "1234\n"


def loops():
    return sorted(p.read_text() for p in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"))


def test_kill_leaves_no_loop_device(store, name):
    store.stack(name, "small", "site/top")
    before = lab.mountinfo()
    with sleeping(store, name, ("small", "site/top"), "--disk-max=32M") as m:
        assert any(name in line for line in loops())
        leader = m.leader
        m.process.kill()
        m.process.wait()
        wait_for(lambda: not pathlib.Path(f"/proc/{leader}").exists(), what="the end of PID 1")
    wait_for(lambda: not any(name in line for line in loops()), what="the end of the loop device")
    lab.assert_no_more(lab.mountinfo, before)
    ok(sh(store, name, "true"))


def test_an_image_that_was_not_finished_is_made_again(store, name):
    state = store.stack(name, "small")
    ok(sh(store, name, "echo x > /root/x", layers=["small"]))
    (state / "state.img.new").write_bytes(b"half")
    assert ok(sh(store, name, "cat /root/x", "--disk-max=32M", layers=["small"])) == "x\n"
    assert not (state / "state.img.new").exists() and not (state / "upper").exists()
    # killed after the image got its name, before the copied directory was gone
    (state / "upper/root").mkdir(parents=True)
    (state / "upper/root/x").write_text("old\n")
    assert ok(sh(store, name, "cat /root/x", "--disk-max=32M", layers=["small"])) == "x\n"
    assert not (state / "upper").exists()


def stead(store, *argv, **more):
    return subprocess.run([lab.STEAD, *argv], capture_output=True, text=True, timeout=lab.PATIENCE,
                          env=lab.clean_environment(**store.env), stdin=subprocess.DEVNULL, **more)


def test_set_disk_max_of_a_running_machine(store, name):
    layers = ("small", "site/top")
    store.stack(name, *layers)
    with sleeping(store, name, layers, "--disk-max=32M") as m:
        out = stead(store, "set", name, "DiskMax=20M")
        assert out.returncode == 1 and "only become larger" in out.stderr and "restart" in out.stderr, out
        assert stead(store, "set", name, "DiskMax=much").returncode == 1
        plain = new_name("plain")
        with lab.Machine(lab.tree("busybox"), "--as-pid2", "--read-only", name=plain, boot=False, argv=["/bin/sleep", "99"]).spawn() as p:
            wait_for(lambda: p.state().get("STATE") == "running", what="the plain one")
            refused = stead(store, "set", plain, "DiskMax=1G")
            assert refused.returncode == 1 and "is for machines of layers" in refused.stderr, refused
        out = stead(store, "set", name, "DiskMax=96M")
        if out.returncode == 0:
            assert out.stdout == "DiskMax=96M\n", out
            assert int(m.sh("df -m / | tail -1 | awk '{print $2}'")) > 64
        else:  # the kernel wants CAP_SYS_RESOURCE, which a sandbox may not have; tests/vm/test_80_layers.py has it
            assert "Operation not permitted" in out.stderr and f"stead restart {name}" in out.stderr, out
    assert int(ok(sh(store, name, "df -m / | tail -1 | awk '{print $2}'", "--disk-max=96M"))) > 64


# --- verbs ----------------------------------------------------------------------------------------

@pytest.fixture
def defined(store, name):
    """A machine of layers with a definition."""
    store.stack(name, "debian/12/base", "site/top")
    path = pathlib.Path(f"/etc/stead/{name}.machine")
    path.parent.mkdir(exist_ok=True)
    path.write_text("[Image]\nLayers=debian/12/base site/top\n[Exec]\nBoot=yes\n[Network]\nPrivate=yes\n"
                    "[Resources]\nDiskMax=200M\n")
    yield name
    stead(store, "kill", name)
    path.unlink(missing_ok=True)


def test_verbs_of_a_machine_of_layers(store, defined):
    name = defined
    out = stead(store, "check", name)
    assert out.returncode == 0, out
    row = json.loads(ok(stead(store, "list", "--all", "--json", name)))[0]
    assert row["os_id"] == "debian" and row["state"] == "stopped" and row["root"] == str(store.states / name)
    assert json.loads(ok(stead(store, "plan", "--json", name)))["layers"] == ["debian/12/base", "site/top"]
    out = stead(store, "start", name)
    assert out.returncode == 0, out
    assert name in ok(stead(store, "status", name))
    assert ok(stead(store, "exec", name, "--", "cat", "/etc/hello")) == "hello\n"
    out = stead(store, "apply", name)
    assert out.returncode == 0 and "DiskMax" not in out.stderr, out
    with lab.folder() as here:
        os.chmod(here, 0o755)
        (here / "f").write_text("copied\n")
        ok(stead(store, "cp", str(here / "f"), f"{name}:/root/f"))
        ok(stead(store, "bind", "--mkdir", name, str(here), "/mnt/here"))
        assert ok(stead(store, "exec", name, "--", "cat", "/root/f", "/mnt/here/f")) == "copied\ncopied\n"
        ok(stead(store, "unbind", name, "/mnt/here"))
    refused = stead(store, "remove", "--yes", name)
    assert refused.returncode == 1 and "running" in refused.stderr
    ok(stead(store, "stop", name))
    assert (store.states / name / "state.img").exists()
    assert ok(stead(store, "remove", "--dry-run", name)).split() == [f"{store.states}/{name}", f"/etc/stead/{name}.machine"]
    ok(stead(store, "remove", "--yes", name))
    assert not (store.states / name).exists() and not pathlib.Path(f"/etc/stead/{name}.machine").exists()
    assert len(list(store.checkouts.iterdir())) >= 3, "layers stay"
    assert not [p for p in store.states.iterdir() if name in p.name]
