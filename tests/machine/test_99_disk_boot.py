# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines whose root is in a disk image: which file systems come in and how, who may write, what is left."""
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

import disk_image
import lab
from disk_image import MIB, Part
from lab import new_name, wait_for

MOUNTS = "while read -r d w t o x; do case $w in /|/usr|/home|/srv|/var|/var/tmp) echo $w $t $o;; esac; done </proc/mounts"


@pytest.fixture(scope="module")
def tree():
    """A small tree with a merged /usr, and places for partitions."""
    top = lab.work / new_name("tree")
    subprocess.run(["cp", "-a", lab.tree("busybox"), top], check=True)
    shutil.move(top / "bin", top / "usr/bin") if not (top / "usr/bin").exists() else \
        [shutil.move(p, top / "usr/bin") for p in (top / "bin").iterdir()] and (top / "bin").rmdir()
    (top / "bin").symlink_to("usr/bin")
    for name in ("home", "srv", "var/tmp"):
        (top / name).mkdir(parents=True, exist_ok=True)
    (top / "etc/hello").write_text("hello\n")
    os.mknod(top / "etc/node", 0o666 | 0o020000, os.makedev(1, 3))
    yield top
    lab.remove_tree(top)


@pytest.fixture(scope="module")
def content():
    top = lab.work / new_name("content")
    top.mkdir()
    (top / "file").write_text("from the image\n")
    (top / "tmp").mkdir()
    yield top
    lab.remove_tree(top)


@pytest.fixture
def image(tree):
    path = disk_image.file_system(lab.work / f"{new_name('bare')}.raw", tree)
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def parts(tree, content):
    path = disk_image.gpt(lab.work / f"{new_name('gpt')}.raw", [
        Part("root", tree), *(Part(role, content, size=8 * MIB) for role in ("home", "srv", "var", "tmp"))])
    yield path
    path.unlink(missing_ok=True)


def launch(path, script, *options, **more):
    """A script in a machine of the image."""
    m = [lab.LAUNCH, "--quiet", "-i", path, "--private-network", "--console=pipe", "--resolv-conf=off",
         "--timezone=off", "--register=no", *options]
    if not any(str(o).startswith(("-M", "--machine")) for o in options):
        m += ["-M", new_name("di")]
    return subprocess.run([*m, "/bin/sh", "-c", script], stdin=subprocess.DEVNULL, text=True, capture_output=True,
                          timeout=lab.PATIENCE, env=lab.clean_environment(), **more)


def ok(out):
    assert out.returncode == 0, out
    return out.stdout


def refused(out, *words):
    assert out.returncode == 1 and out.stdout == "", out
    for word in words:
        assert word in out.stderr, out.stderr
    assert len(out.stderr.splitlines()) <= 2, out.stderr


def loops(path):
    """Loop devices of the image."""
    return subprocess.run(["losetup", "-j", path], capture_output=True, text=True, check=True).stdout.splitlines()


def gone(path):
    wait_for(lambda: not loops(path), what=f"the loop devices of {path} to go")
    assert not [line for line in lab.mountinfo() if str(path) in line or "/dev/loop" in line and str(path) in line]


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


@contextlib.contextmanager
def machine(path, *options, script="while :; do sleep 1; done", **more):
    """One that stays: a command that says when it is there."""
    m = lab.Machine(path, *options, boot=False, argv=["/bin/sh", "-c", script], **more)
    at = m.args.index("-D")
    m.args[at] = "-i"
    m.args += []
    try:
        yield m
    finally:
        m.kill()


# --- kinds ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("userns", [True, False])
@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs", "squashfs", "erofs"])
def test_bare_file_system(tree, fs, userns):
    path = disk_image.file_system(lab.work / f"{new_name(fs)}.raw", tree, fs)
    fixed = fs in ("squashfs", "erofs")
    before = lab.mountinfo()
    script = f"cat /etc/hello; {MOUNTS}; stat -c %u:%g /etc/hello; (echo x >/dev/null) 2>/dev/null; echo x >/etc/node; echo new >/new"
    out = launch(path, script, "--private-users=pick" if userns else "--private-users=no")
    lines = out.stdout.splitlines()
    assert lines[0] == "hello" and lines[2] == "0:0", out
    where, kind, options = lines[1].split(" ", 2)
    options = options.split(",")
    assert (where, kind) == ("/", fs) and "nodev" in options and ("idmapped" in options) == userns
    assert ("ro" if fixed else "rw") in options
    assert "/etc/node: Permission denied" in out.stderr, "a device node of an image works"
    assert ("/new: Read-only file system" in out.stderr) == fixed
    lab.assert_no_more(lab.mountinfo, before)
    gone(path)
    if not fixed:
        assert ok(launch(path, "cat /new")) == "new\n"
        gone(path)


def test_table_of_dos(tree):
    path = disk_image.mbr(lab.work / f"{new_name('mbr')}.raw", tree)
    assert ok(launch(path, "echo there >/there; cat /etc/hello")) == "hello\n"
    assert ok(launch(path, "cat /there")) == "there\n"
    gone(path)


def test_partitions_are_where_they_belong(parts):
    script = "cat /home/file /srv/file /var/file /var/tmp/file; echo kept >>/home/file; echo kept >>/var/tmp/file"
    assert ok(launch(parts, script)) == "from the image\n" * 4
    assert ok(launch(parts, "cat /home/file /srv/file /var/tmp/file")) == "from the image\nkept\n" + \
        "from the image\n" + "from the image\nkept\n"
    assert all(line.split()[1] == "ext4" and "nodev" in line for line in ok(launch(parts, MOUNTS)).splitlines())
    gone(parts)


def test_systemd_boots_and_reboots():
    path = disk_image.file_system(lab.work / f"{new_name('debian')}.raw", lab.tree("bookworm"), size=2 << 30)
    try:
        m = lab.Machine(path, name=new_name("dd"))
        m.args[m.args.index("-D")] = "-i"
        with m:
            assert m.sh("systemctl is-system-running --wait >/dev/null; cat /proc/1/comm; findmnt -no FSTYPE /") == \
                "systemd\next4"
            assert m.sh("systemctl --failed --no-legend --plain") == ""
            assert m.state()["ROOT"] == str(path)
            m.sh("useradd -m ada && echo mine >/home/ada/file && chown ada: /home/ada/file")
            first = m.leader
            m.exec("systemctl", "reboot")
            wait_for(lambda: m.leader_or_none() not in (None, first) and m.state().get("STATE") == "running" and
                     m.sh("systemctl is-active multi-user.target") == "active", what="the second boot")
            assert m.sh("stat -c %U /home/ada/file") == "ada"
        assert m.process.returncode == 0, m.output()
        m.assert_clean()
        gone(path)
        check = subprocess.run(["e2fsck", "-fn", path], capture_output=True, text=True)
        assert check.returncode == 0 and "recover" not in check.stdout, check.stdout
    finally:
        path.unlink()


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_reboot_of_an_init_that_made_it_read_only(tree, content, fs):
    """As all but systemd do at their end; in a user namespace they cannot."""
    path = lab.work / f"{new_name('again')}.raw"
    disk_image.gpt(path, [Part("root", tree, fs=fs, size=disk_image.SIZES.get(fs, 0)), Part("home", content, size=8 * MIB)])
    script = ("echo x >>/home/n; n=$(wc -l </home/n); echo start $n; [ $n = 3 ] && exit 0; "
              "mount -o remount,ro /home && mount -o remount,ro / && busybox reboot -f; sleep 5")
    out = ok(launch(path, script, "--private-users=no", "--capability=all"))
    assert out == "start 1\nstart 2\nstart 3\n"
    gone(path)
    path.unlink()


def test_only_a_usr(tree, content):
    path = disk_image.gpt(lab.work / f"{new_name('usr')}.raw",
                          [Part("usr", tree / "usr"), Part("home", content, size=8 * MIB)])
    out = ok(launch(path, f"{MOUNTS}; echo x >/x && ls /usr"))
    assert out.splitlines()[0].startswith("/ tmpfs rw") and "/usr ext4 ro" in out and "bin" in out and "/home" not in out
    refused(launch(path, "true", "--volatile=overlay"), "only a /usr", "--volatile=yes")
    gone(path)


def test_block_device(image):
    device = subprocess.run(["losetup", "-f", "--show", image], capture_output=True, text=True, check=True).stdout.strip()
    try:
        assert ok(launch(device, "echo disk >/disk; cat /etc/hello")) == "hello\n"
        with machine(device) as m:
            m.start()
            assert pathlib.Path(f"/run/systemd/nspawn/locks/block-7:{device[9:]}").exists()
            refused(launch(device, "true"), "is in use by machine", m.name)
    finally:
        subprocess.run(["losetup", "-d", device], check=True)
    assert ok(launch(image, "cat /disk")) == "disk\n"


# --- what is written ------------------------------------------------------------------------------

@pytest.mark.parametrize("option", ["--read-only", "--ephemeral", "--volatile=yes", "--volatile=state", "--volatile=overlay"])
def test_nothing_is_written(parts, option):
    before = digest(parts)
    out = launch(parts, "for p in /x /home/x /srv/x /var/x /var/tmp/x /usr/x; do echo x >$p && echo $p; done", option)
    written = {"--read-only": [], "--volatile=state": ["/var/x"],
               "--volatile=yes": ["/x", "/var/x"]}.get(option, ["/x", "/home/x", "/srv/x", "/var/x", "/var/tmp/x", "/usr/x"])
    assert out.stdout.split() == written, out
    seen = ok(launch(parts, "cat /home/file /srv/file /var/file /usr/bin/true >/dev/null && echo all", option)) \
        if option in ("--read-only", "--ephemeral", "--volatile=overlay") else "all\n"
    assert seen == "all\n", "each of its file systems is there"
    gone(parts)
    assert digest(parts) == before


def test_file_that_may_not_be_written(image):
    before = digest(image)
    with subprocess_readonly(image) as path:
        out = launch(path, "cat /etc/hello; echo x >/x")
        assert out.stdout == "hello\n" and "Read-only file system" in out.stderr
    assert digest(image) == before


@contextlib.contextmanager
def subprocess_readonly(image):
    subprocess.run(["chattr", "+i", image], check=True)
    try:
        yield image
    finally:
        subprocess.run(["chattr", "-i", image], check=True)


def test_journal_that_is_not_clean(image):
    """As the file of a machine that lost its power."""
    dirty = image.with_suffix(".dirty.raw")
    script = "mkdir $2.d; mount -o loop $1 $2.d; echo x >$2.d/x; sync -f $2.d; cp $1 $2; umount $2.d; rmdir $2.d"
    subprocess.run(["unshare", "-m", "sh", "-ec", script, "sh", image, dirty], check=True)
    features = subprocess.run(["dumpe2fs", "-h", dirty], capture_output=True, text=True).stdout
    assert "needs_recovery" in features
    before = digest(dirty)
    for option in ("--read-only", "--ephemeral"):
        assert ok(launch(dirty, "cat /etc/hello", option)) == "hello\n"
    gone(dirty)
    assert digest(dirty) == before
    assert ok(launch(dirty, "cat /etc/hello /x")) == "hello\nx\n"
    gone(dirty)
    dirty.unlink()


def test_an_image_cannot_ask_for_a_panic(image):
    subprocess.run(["tune2fs", "-e", "panic", image], check=True, capture_output=True)
    assert "errors=remount-ro" in ok(launch(image, MOUNTS))
    assert "errors=remount-ro" in ok(launch(image, MOUNTS, "--read-only"))


@pytest.mark.parametrize("place", ["home", "srv", "var"])
def test_links_do_not_lead_out(tree, content, place):
    top = lab.work / new_name("hostile")
    subprocess.run(["cp", "-a", tree, top], check=True)
    shutil.rmtree(top / place)
    target = pathlib.Path(tempfile.mkdtemp(prefix="stead-target.", dir="/opt"))
    (top / place).symlink_to(target)
    (top / str(target).lstrip("/")).mkdir(parents=True)  # where that leads to inside
    path = disk_image.gpt(lab.work / f"{new_name('hostile')}.raw", [Part("root", top), Part(place, content, size=8 * MIB)])
    with machine(path) as m:
        m.start()
        inside = pathlib.Path(f"/proc/{m.leader}/mounts").read_text()
        assert f" {target} ext4 " in inside, "in the tree it leads to where it says"
        assert not list(target.iterdir()) and not [line for line in lab.mountinfo() if str(target) in line]
        assert m.stop() in (0, 137, 143)
    gone(path)
    path.unlink()
    target.rmdir()
    lab.remove_tree(top)


# --- who else -------------------------------------------------------------------------------------

def test_one_writer(image):
    with machine(image) as m:
        m.start()
        for options in ([], ["--read-only"], ["--ephemeral"]):
            refused(launch(image, "true", *options), f"Disk image '{image}' is in use by machine '{m.name}'",
                    f"stead stop {m.name}")
        plan = launch(image, "true", "--dry-run=json")
        assert json.loads(ok(plan))["image"] == str(image) and json.loads(plan.stdout)["read-only"] is False
        with pytest.raises(subprocess.CalledProcessError):
            subprocess.run(["flock", "-n", "-x", image, "true"], check=True)
        assert m.stop() in (0, 137, 143)
    gone(image)
    ok(launch(image, "true"))


def test_many_readers_share_what_they_read(image):
    with machine(image, "--read-only") as one, machine(image, "--ephemeral") as other:
        one.start()
        other.start()
        assert len(loops(image)) == 1, loops(image)
        assert "hello" in other.sh("echo y >/y; cat /etc/hello") and "y" in other.sh("ls /")
        assert "y\n" not in one.sh("ls /")
        refused(launch(image, "true"), "is in use by machine")
        one.stop()
        assert other.sh("cat /etc/hello") == "hello"
        other.stop()
    gone(image)


def test_kill_leaves_nothing(parts):
    name = new_name("killed")
    with machine(parts, name=name) as m:
        m.start()
        assert len(loops(parts)) == 5
        m.process.send_signal(signal.SIGKILL)
        m.process.wait()
        assert ok(launch(parts, "cat /home/file", f"-M{name}")) == "from the image\n"
    gone(parts)


def test_a_file_that_is_cut_short_does_not_hang_the_stop(image):
    with machine(image) as m:
        m.start()
        with open(image, "r+b") as f:
            f.truncate(MIB)
        m.process.send_signal(signal.SIGTERM)
        m.process.wait(lab.PATIENCE)
    gone(image)


# --- names and settings ---------------------------------------------------------------------------

def test_found_by_name(image):
    name = new_name("byname")
    where = pathlib.Path("/var/lib/machines")
    where.mkdir(exist_ok=True)
    place = where / f"{name}.raw"
    shutil.copy(image, place)
    (where / f"{name}.nspawn").write_text("[Exec]\nHostname=beside\nCapability=CAP_SYS_ADMIN\n[Files]\nBind=/etc:/mnt\n")
    words = [lab.LAUNCH, "-M", name, "--private-network", "--console=pipe", "--register=no", "/bin/sh", "-c",
             "hostname; ls /mnt; cat /etc/hello"]
    try:
        out = subprocess.run(words, text=True, capture_output=True, env=lab.clean_environment(), timeout=60)
        assert out.returncode == 0 and out.stdout.splitlines()[0] == "beside" and "hello" in out.stdout, out
        assert "passwd" not in out.stdout and "Bind=" in out.stderr, "what a stranger's file may not say"
        (where / name).mkdir()
        out = subprocess.run(words, text=True, capture_output=True, env=lab.clean_environment(), timeout=60)
        refused(subprocess.CompletedProcess(words, out.returncode, out.stdout, out.stderr.split("\n", 0)[-1]
                                            [out.stderr.index("stead-launch: Machine"):]),
                "has both a tree", f"--image={place}")
    finally:
        place.unlink()
        (where / f"{name}.nspawn").unlink()
        with contextlib.suppress(OSError):
            (where / name).rmdir()


def test_the_name_is_that_of_the_file(image):
    out = json.loads(ok(launch(image, "true", "--dry-run=json", "-M", "x")))
    assert out["machine"] == "x"
    words = [lab.LAUNCH, "-i", image, "--dry-run=json", "/bin/sh"]
    out = json.loads(subprocess.run(words, text=True, capture_output=True, env=lab.clean_environment()).stdout)
    assert out["machine"] == image.name.removesuffix(".raw")


def test_what_goes_not_together(image):
    for option in ("--directory=/srv", "--layers=a", "--template=/srv"):
        refused(launch(image, "true", option), "exclude each other")
    refused(launch(image, "true", "--private-users-ownership=chown", "--private-users=65536"), "never changed but mapped")
    refused(launch("/etc", "true"), "neither a file nor a disk", "--directory=/etc")
    refused(launch("/dev/null", "true"), "neither a file nor a disk")
    out = lab.run(image, "/bin/true")
    assert out.returncode == 1 and f"--image={image}" in out.stderr
    words = [lab.LAUNCH, "-i", image, "-P", "--register=no", "--private-network", "/etc/hello"]
    out = subprocess.run(words, text=True, capture_output=True, env=lab.clean_environment())
    refused(out, "not executable", f"stead-launch --read-only --image={image} /bin/sh")


# --- policy and hashes ----------------------------------------------------------------------------

def test_policy(parts):
    out = ok(launch(parts, "ls /home; cat /srv/file", "--image-policy=root=unprotected:home=ignore:srv=unprotected"))
    assert out == "from the image\n"
    refused(launch(parts, "true", "--image-policy=home=absent:=open"), "home", "the policy does not take")
    refused(launch(parts, "true", "--image-policy=usr=unprotected:=open"), "has no partition usr")
    refused(launch(parts, "true", "--image-policy=root=verity:=open"), "not protected", "--root-hash=HEX",
            f"{str(parts).removesuffix('.raw')}.roothash\n")
    refused(launch(parts, "true", "--verity-data=/etc/passwd"), "has partitions", "leave out --verity-data")
    refused(launch(parts, "true", "--image-policy=root=nonsense"), "'nonsense' is no word")
    refused(launch(parts, "true", "--image-policy=rood=open"), "'rood' is no partition")
    out = launch(parts, "echo x >/home/x && echo y >/srv/x", "--image-policy=srv=read-only-on:=open")
    assert "/srv/x: Read-only" in out.stderr and "/home/x" not in out.stderr
    gone(parts)


def test_partition_that_is_read_only(tree, content):
    path = disk_image.gpt(lab.work / f"{new_name('ro')}.raw",
                          [Part("root", tree), Part("home", content, size=8 * MIB, flags="60")])
    out = launch(path, "echo x >/x && echo root; echo x >/home/x")
    assert out.stdout == "root\n" and "/home/x: Read-only" in out.stderr
    path.unlink()


def has_mapper():
    with contextlib.suppress(OSError):
        with open("/dev/mapper/control", "rb"):
            return True
    return False


def test_hashes_that_cannot_be_checked(image):
    refused(launch(image, "true", "--root-hash=12"), "hexadecimal digits")
    refused(launch(image, "true", "--root-hash=" + "0" * 64), "cannot be opened", "--verity-data")
    refused(launch(image, "true", "--verity-data=/etc/passwd"), "has no root hash", "--root-hash=HEX")
    hashes = image.with_suffix(".verity")
    out = subprocess.run(["veritysetup", "format", image, hashes], check=True, capture_output=True, text=True).stdout
    root = next(line.split()[-1] for line in out.splitlines() if line.startswith("Root hash"))
    refused(launch(image, "true", "--root-hash=" + root + root), "are sha256")
    image.with_suffix(".roothash").write_text(root + "\n")
    if not has_mapper():
        refused(launch(image, "true"), "this kernel has no device mapper", "modprobe dm-mod dm-verity")
        assert ok(launch(image, "cat /etc/hello", "--image-policy=root=unprotected:=open")) == "hello\n"
    image.with_suffix(".roothash").unlink()
    os.setxattr(image, "user.verity.roothash", b"nonsense")
    refused(launch(image, "true"), "not a hash")
    os.removexattr(image, "user.verity.roothash")
    hashes.write_bytes(b"verity\0\0" + b"\xff" * 4096)
    refused(launch(image, "true", "--root-hash=" + root), "no hashes of verity")
    gone(image)
    hashes.unlink()
