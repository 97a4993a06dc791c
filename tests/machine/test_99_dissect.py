# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead-dissect: what disk images hold, made by the tools that people use or by nobody sane."""
import contextlib
import fcntl
import json
import os
import pathlib
import subprocess
import sys

import pytest

import hostile_images
import lab

PROGRAM = lab.BUILD / "src/dissect/stead-dissect"
MIB = 1 << 20
SECONDS = 2
KILOBYTES = 64 * 1024

ROOT, ROOT_VERITY = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5"
ROOT_ARM64 = "b921b045-1df0-41c3-af44-4c6f280d3fae"
USR = "8484680c-9521-48c6-9c11-b0720656f69e"
HOME, SRV = "933ac7e1-2eb4-4f13-b844-0e14e2aef915", "3b8f8425-20e0-4f3b-907f-1a25a76f98e8"
VAR, TMP = "4d21b016-b534-45c2-a9fb-5c16e091fd2d", "7ec6f557-3bc5-4aca-b293-16ef5df639d1"
ESP, XBOOTLDR = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "bc13c2ff-59e6-4262-a352-b275fd6f7172"
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"

pytestmark = pytest.mark.skipif(os.uname().machine != "x86_64", reason="the roots in these images are of x86-64")


@pytest.fixture
def where():
    path = lab.work / lab.new_name("dissect")
    path.mkdir()
    yield path
    lab.remove_tree(path)


def dissect(image, *prefix):
    with open(image, "rb") as f:
        return subprocess.run([*prefix, PROGRAM, image.name], stdin=f, capture_output=True, text=True,
                              timeout=lab.PATIENCE)


def holds(image, *prefix):
    """role -> (number, offset, size, "ro"/"rw", "grow"/"keep", type, uuid), with "table" and "machine"."""
    out = dissect(image, *prefix)
    assert out.returncode == 0 and out.stderr == "", out
    lines = [line.split() for line in out.stdout.splitlines()]
    assert lines.pop() == ["end"]
    found = {words[0]: words[1] for words in lines[:2]}
    for _, role, number, offset, size, *rest in lines[2:]:
        found[role] = int(number), int(offset), int(size), *rest
    return found


def run(*words, **more):
    subprocess.run(words, check=True, capture_output=True, timeout=lab.PATIENCE, **more)


def disk(path, script, size=64 * MIB, label="gpt"):
    """A disk as sfdisk makes it; lines of @script are its."""
    with open(path, "wb") as f:
        f.truncate(size)
    run("sfdisk", "--quiet", path, input=f"label: {label}\n{script}\n".encode())
    return path


def make(path, offset, size, *command):
    """A file system made by @command, put into the image at @offset."""
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as f:
        f.truncate(size)
    run(*command, part)
    run("dd", f"if={part}", f"of={path}", "bs=64K", f"seek={offset}", "oflag=seek_bytes", "conv=notrunc,sparse")
    part.unlink()
    return path


def squash(path, where):
    tree = where / "tree"
    tree.mkdir(exist_ok=True)
    (tree / "file").write_bytes(os.urandom(100000))
    run("mksquashfs", tree, path, "-noappend", "-quiet")
    return path


# --- images as people have them -------------------------------------------------------------------

def test_every_role(where):
    kinds = [("esp", ESP), ("xbootldr", XBOOTLDR), ("root", ROOT), ("root-verity", ROOT_VERITY), ("usr", USR),
             ("home", HOME), ("srv", SRV), ("var", VAR), ("tmp", TMP)]
    image = disk(where / "all.raw", "\n".join(f"size=4M, type={kind}" for _, kind in kinds))
    for n, (role, _) in enumerate(kinds):
        command = {"esp": ["mkfs.vfat"], "xbootldr": ["mkfs.vfat"], "root": ["mkfs.ext4", "-q"],
                   "usr": ["mkfs.ext4", "-q"]}.get(role, ["mkfs.ext2", "-q"])
        if role != "root-verity":
            make(image, (1 + 4 * n) * MIB, 4 * MIB, *command)
    found = holds(image)
    assert found.pop("table") == "gpt" and found.pop("machine") == "x86-64"
    assert list(found) == ["root", "usr", "home", "srv", "var", "tmp", "esp", "xbootldr", "root-verity"]
    for n, (role, _) in enumerate(kinds):
        number, offset, size, mode, grow, kind, ident = found[role]
        assert (number, offset, size, mode, grow) == (n + 1, (1 + 4 * n) * MIB, 4 * MIB, "rw", "keep"), role
        assert kind == {"esp": "vfat", "xbootldr": "vfat", "root": "ext4", "usr": "ext4",
                        "root-verity": "-"}.get(role, "ext2")
        assert ident in subprocess.run(["sfdisk", "--part-uuid", image, str(n + 1)], capture_output=True, text=True,
                                       check=True).stdout.lower()


def test_flags(where):
    image = disk(where / "flags.raw", f'size=8M, type={ROOT}, attrs="GUID:63"\n'
                                      f'size=8M, type={ROOT}, attrs="GUID:60,59"\n'
                                      f'size=8M, type={HOME}, attrs="GUID:59"')
    make(image, 9 * MIB, 8 * MIB, "mkfs.ext4", "-q")
    found = holds(image)
    assert found["root"][0] == 2 and found["root"][3:5] == ("ro", "grow")
    assert found["home"][3:6] == ("rw", "grow", "-")


def test_newest_version(where):
    image = disk(where / "ab.raw", f"size=8M, type={ROOT}, name=os_1.9\nsize=8M, type={ROOT}, name=os_1.10\n"
                                   f"size=8M, type={ROOT}, name=os_1.10~rc3")
    make(image, 9 * MIB, 8 * MIB, "mkfs.ext4", "-q")
    assert holds(image)["root"][0] == 2


def test_foreign_architecture(where):
    image = disk(where / "arm.raw", f"size=8M, type={ROOT_ARM64}")
    make(image, MIB, 8 * MIB, "mkfs.ext4", "-q")
    found = holds(image)
    assert found["machine"] == "arm64" and found["root"][0] == 1


def test_generic_linux(where):
    image = disk(where / "linux.raw", f"size=8M, type={ESP}\nsize=8M, type={LINUX}")
    make(image, 9 * MIB, 8 * MIB, "mkfs.ext4", "-q")
    found = holds(image)
    assert found["machine"] == "-" and found["root"][0] == 2 and found["esp"][5] == "-"


def test_sectors_of_4096_bytes(where):
    """As mkosi makes them for such disks; sfdisk would need one."""
    image = where / "4k.raw"
    part = hostile_images.gpt.part
    hostile_images.gpt.Gpt(part(256, 511, ESP), part(512, 2559, ROOT), sector=4096).write(image)
    make(image, 2 * MIB, 8 * MIB, "mkfs.ext4", "-q")
    assert holds(image)["root"][:3] == (2, 2 * MIB, 8 * MIB)


def test_image_that_has_grown(where):
    image = disk(where / "grown.raw", f"size=8M, type={ROOT}", size=16 * MIB)
    make(image, MIB, 8 * MIB, "mkfs.ext4", "-q")
    os.truncate(image, 64 * MIB)
    assert holds(image)["root"][2] == 8 * MIB


def test_sgdisk(where):
    image = where / "sgdisk.raw"
    with open(image, "wb") as f:
        f.truncate(32 * MIB)
    run("sgdisk", "-n1:0:+4M", "-t1:ef00", "-n2:0:+16M", "-t2:8304", "-A2:set:60", image)
    make(image, 5 * MIB, 16 * MIB, "mkfs.ext4", "-q")
    found = holds(image)
    assert found["root"][:4] == (2, 5 * MIB, 16 * MIB, "ro") and found["esp"][0] == 1


def test_mbr(where):
    image = disk(where / "mbr.raw", "size=4M, type=ef\nsize=4M, type=ea\nsize=8M, type=83, bootable\nsize=16M, type=5\n"
                                    "size=4M, type=83", label="dos")
    make(image, 9 * MIB, 8 * MIB, "mkfs.ext4", "-q")
    found = holds(image)
    assert found["table"] == "dos" and found["machine"] == "-"
    assert [found[role][0] for role in ("root", "esp", "xbootldr")] == [3, 1, 2]
    assert found["root"][1:3] == (9 * MIB, 8 * MIB)


def test_mbr_logical(where):
    image = disk(where / "logical.raw", "1: size=16M, type=7\n2: size=32M, type=5\n5: size=8M, type=83", label="dos")
    make(image, 18 * MIB, 8 * MIB, "mkfs.ext4", "-q")
    assert holds(image)["root"][:3] == (5, 18 * MIB, 8 * MIB)


@pytest.mark.parametrize("kind, command", [
    ("ext2", ["mkfs.ext2", "-q"]), ("ext3", ["mkfs.ext3", "-q"]), ("ext4", ["mkfs.ext4", "-q"]),
    ("xfs", ["mkfs.xfs", "-q"]), ("btrfs", ["mkfs.btrfs", "-q"])])
def test_bare_file_system(where, kind, command):
    image = where / "bare.raw"
    with open(image, "wb") as f:
        f.truncate(512 * MIB)
    run(*command, image)
    assert holds(image) == {"table": "none", "machine": "-",
                            "root": (0, 0, 512 * MIB, "rw", "keep", kind, "-")}
    os.truncate(image, 300 * MIB)
    assert dissect(image).stdout.startswith("refused file-system-cut 0 0 ")


def test_bare_read_only_file_systems(where):
    image = squash(where / "x.squashfs", where)
    assert holds(image)["root"][5] == "squashfs"
    os.truncate(image, 4096)
    assert "refused" in dissect(image).stdout
    run("mkfs.erofs", "--quiet", where / "x.erofs", where / "tree")
    assert holds(where / "x.erofs")["root"][5] == "erofs"


def test_encrypted_root_is_named(where):
    image = disk(where / "luks.raw", f"size=4M, type={ESP}\nsize=8M, type={ROOT}")
    with open(image, "r+b") as f:
        f.seek(5 * MIB)
        f.write(b"LUKS\xba\xbe\0\1".ljust(592, b"\0"))
    out = dissect(image)
    assert "Partition 2 (root) of disk image 'luks.raw' is encrypted" in out.stderr
    assert "cryptsetup open /dev/loopXp2 NAME" in out.stderr


@pytest.mark.parametrize("reason, offset, head", [
    ("encrypted", *hostile_images.superblocks.LUKS), ("lvm", *hostile_images.superblocks.lvm()),
    ("raid", *hostile_images.superblocks.raid()), ("file-system-cut", *hostile_images.superblocks.ext(1 << 20))])
def test_what_is_wrong_with_home_concerns_only_home(where, reason, offset, head):
    """Also when a machine starts, and it can be left out."""
    image = disk(where / "home.raw", f"size=8M, type={ROOT}\nsize=8M, type={HOME}")
    lab.copy_tree("busybox", where / "tree")
    make(image, MIB, 8 * MIB, "mkfs.ext4", "-q", "-d", where / "tree")
    with open(image, "r+b") as f:
        f.seek(9 * MIB + offset)
        f.write(head)
    assert holds(image)["home"][5] == f"!{reason}"
    out = launch(image)
    said = out.stderr.decode().splitlines()
    assert out.returncode == 1 and "artition 2 (home) of disk image" in said[0], said
    assert said[1] == "  Try: leave it out: --image-policy=home=ignore:=open", said
    out = launch(image, "--image-policy=home=ignore:=open")
    assert out.returncode == 0, out


def test_backup_is_restored_as_told(where):
    image = disk(where / "hurt.raw", f"size=8M, type={ROOT}")
    make(image, MIB, 8 * MIB, "mkfs.ext4", "-q")
    with open(image, "r+b") as f:
        f.seek(512 + 20)
        f.write(b"\xff")
    out = dissect(image)
    assert out.stdout == "refused table-backup 0 0 0 -\n"
    subprocess.run(["sh", "-c", out.stderr.split("Try: ")[1]], cwd=where, check=False, capture_output=True)
    assert holds(image)["root"][0] == 1


# --- hostile images --------------------------------------------------------------------------------

@pytest.mark.parametrize("name", hostile_images.CASES)
def test_hostile_image(where, name):
    reason, write = hostile_images.CASES[name]
    image = where / name
    write(image)
    with contextlib.ExitStack() as stack:
        if image.is_fifo():  # or it would wait for a writer
            stack.callback(os.close, os.open(image, os.O_RDWR))
        lab.promised(SECONDS, lambda: refused_or_taken(image, reason))


def refused_or_taken(image, reason):
    """How long that took."""
    out = subprocess.run([sys.executable, "-I", "-S", pathlib.Path(__file__).with_name("measured.py"), image, PROGRAM,
                          "x"], capture_output=True, timeout=lab.PATIENCE)
    *said, measured = out.stderr.decode("ascii").splitlines()
    measured = json.loads(measured)
    if measured["status"] == 0 and reason is None:
        assert not said and out.stdout.endswith(b"\nend\n")
    else:
        assert measured["status"] == 1, out
        assert len(said) == 1 and said[0].isprintable() and ". Try: " in said[0], said
        first, kind, *_ = out.stdout.decode("ascii").split()
        assert first == "refused" and (reason is None or kind in reason.split()), out.stdout
    assert measured["kilobytes"] < KILOBYTES, measured
    return measured["seconds"]


# --- what it may do ----------------------------------------------------------------------------------

@contextlib.contextmanager
def stopped(image, *prefix):
    """The program at the moment of its answer, which nobody takes."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writer, b"x" * 4096)
    with open(image, "rb") as f, open("/etc/hostname", "rb") as other:
        p = subprocess.Popen([*prefix, PROGRAM], stdin=f, stdout=writer, pass_fds=[other.fileno()])
    os.close(writer)
    try:
        status = pathlib.Path(f"/proc/{p.pid}/status")
        lab.wait_for(lambda: "\nSeccomp:\t2" in status.read_text() and "\nState:\tS" in status.read_text())
        yield p.pid, dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        os.read(reader, 4096)
        assert p.wait(lab.PATIENCE) == 0
    finally:
        p.kill()
        p.wait()
        os.close(reader)


@pytest.fixture
def plain(where):
    image = where / "plain.raw"
    with open(image, "wb") as f:
        f.truncate(8 * MIB)
    run("mkfs.ext4", "-q", image)
    return image


def test_no_rights(plain):
    with stopped(plain) as (pid, status):
        assert status["Uid"].split() == status["Gid"].split() == ["65534"] * 4
        assert status["Groups"].split() == []
        assert {status[f"Cap{which}"] for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
        assert status["NoNewPrivs"] == "1"
        assert sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"]
        limits = {line[:26].strip(): line[26:].split()[:2]
                  for line in pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines()}
        assert limits["Max address space"] == [str(64 * MIB)] * 2
        assert limits["Max cpu time"] == ["2", "2"]
        assert limits["Max file size"] == ["65536"] * 2 and limits["Max core file size"] == ["0"] * 2


def test_no_root_no_nobody(plain):
    """A user, and root of a namespace that has nobody else, have fewer rights to give up."""
    os.chmod(plain, 0o644)
    own = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"]
    for prefix in (own, ["unshare", "--user", "--map-root-user"]):
        assert holds(plain, *prefix)["root"][5] == "ext4"
    with stopped(plain, *own) as (_, status):
        assert status["Uid"].split() == ["1234"] * 4 and status["CapEff"] == "0" * 16
        assert status["NoNewPrivs"] == "1"
    with stopped(plain, "unshare", "--user", "--map-root-user") as (_, status):
        assert status["CapEff"] == status["CapPrm"] == status["CapBnd"] == "0" * 16


def test_only_for_reading(plain):
    with open(plain, "r+b") as f:
        out = subprocess.run([PROGRAM], stdin=f, capture_output=True, text=True, timeout=lab.PATIENCE)
    assert out.returncode == 2 and "Usage" in out.stderr and out.stdout == ""


@contextlib.contextmanager
def loop(image):
    out = subprocess.run(["losetup", "--find", "--show", "--read-only", image], capture_output=True, text=True)
    if out.returncode != 0:
        pytest.skip(f"there are no loop devices: {out.stderr.strip()}")
    device = pathlib.Path(out.stdout.strip())
    try:
        yield device
    finally:
        run("losetup", "--detach", device)


def test_block_device(plain, where):
    two = where / "two"
    hostile_images.CASES["ext4-and-btrfs"][1](two)
    with loop(plain) as device:
        assert holds(device)["root"] == (0, 0, 8 * MIB, "rw", "keep", "ext4", "-")
    with loop(two) as device:
        assert dissect(device).stdout == "refused ambiguous 0 0 0 -\n"


# --- the launcher ------------------------------------------------------------------------------------

HEADS_ALONE = {kind: hostile_images.superblocks.bare(head()) for kind, head in [
    ("ext4", hostile_images.superblocks.ext), ("xfs", hostile_images.superblocks.xfs),
    ("btrfs", hostile_images.superblocks.btrfs), ("squashfs", hostile_images.superblocks.squashfs),
    ("erofs", hostile_images.superblocks.erofs)]}


def launch(image, *options):
    return subprocess.run([lab.LAUNCH, "-q", "-i", image, "-M", lab.new_name("dissect"), *options, "/bin/true"],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=lab.PATIENCE,
                          env=lab.clean_environment())


@pytest.mark.parametrize("name", [*hostile_images.CASES, *HEADS_ALONE])
def test_launcher_refuses_it(where, name):
    """In its own words; and no device is left. A superblock with nothing behind it is the kernel's to refuse."""
    write = HEADS_ALONE[name] if name in HEADS_ALONE else hostile_images.CASES[name][1]
    image = where / name
    write(image)
    out = launch(image)
    said = out.stderr.decode("ascii").splitlines()
    assert out.returncode == 1 and said and said[0].startswith("stead-launch: "), out
    assert all(line.isprintable() for line in said) and len(said) <= 2, out
    assert all(line.startswith("  Try: ") for line in said[1:]), out
    assert "hostile" not in said[0], "the program that reads it has failed"
    for backing in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            assert str(image) not in backing.read_text()


def test_CI_208_a_settings_file_beside_the_image_gains_nothing(where):
    """Nor do those inside it: whoever wrote the image wrote these, too."""
    tree = where / "tree"
    lab.copy_tree("busybox", tree)
    for text, probe in (("[Exec]\nCapability=CAP_SYS_TIME", "grep CapBnd /proc/self/status"),
                        ("[Exec]\nPrivateUsers=no", "cat /proc/self/uid_map"),
                        ("[Files]\nBind=/etc:/mnt", "ls /mnt"),
                        ("[Files]\nPrivateUsersOwnership=chown", "cat /proc/self/uid_map"),
                        ("[Network]\nPrivate=no", "readlink /proc/self/ns/net")):
        name = lab.new_name("beside")
        for place in (where / f"{name}.nspawn", tree / f"etc/systemd/nspawn/{name}.nspawn"):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text + "\n")
        image = where / f"{name}.raw"
        run("mksquashfs", tree, image, "-noappend", "-quiet")
        out = subprocess.run([lab.LAUNCH, "-q", "-i", image, "-M", name, "--console=pipe", "--settings=override",
                              "--private-network", "--private-users=pick", "--resolv-conf=off", "--timezone=off",
                              "--register=no", "/bin/sh", "-c", probe], capture_output=True, text=True,
                             timeout=lab.PATIENCE, stdin=subprocess.DEVNULL, env=lab.clean_environment())
        if out.returncode != 0:  # refused, key by key
            assert text.split("\n")[1].split("=")[0] in out.stderr, out
        elif "Capability" in text:
            assert not int(out.stdout.split()[1], 16) >> 25 & 1, text
        elif "PrivateUsers" in text:
            assert " 65536\n" in out.stdout, (text, out)
        elif "Bind" in text:
            assert "passwd" not in out.stdout, text
        else:
            assert out.stdout.strip() != os.readlink("/proc/self/ns/net"), text
