# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead build elf --verify: what a program looks up in vain because its tree was slimmed is named."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import lab
from test_98_minimal import Builder

NOTHING_MISSING, MISSING, COULD_NOT = 0, 1, 2


@pytest.fixture(scope="module")
def builder():
    b = Builder(lab.work / lab.new_name("verify"))
    yield b
    lab.remove_tree(b.where)


def verify(builder, name, *words, command=(), **more):
    """Status, what is missing by path, and what was said."""
    out = builder.stead("build", "elf", name, *words, "--verify", "--json", *(["--", *command] if command else []), **more)
    rows = json.loads(out.stdout) if out.stdout else []
    assert (builder.where / name).exists() == (out.returncode == NOTHING_MISSING), "only what is complete is made"
    return out.returncode, {r["path"]: r for r in rows}, out.stderr


def test_name_services_are_missed(builder):
    words = ["getent", "--root", lab.tree("bookworm")]
    command = ["getent", "services", "https"]
    status, missing, _ = verify(builder, "names", *words, command=command)
    assert status == MISSING and missing["/etc/services"] == {
        "path": "/etc/services", "process": "getent", "call": "openat", "times": 1, "option": "--nss"}
    status, missing, err = verify(builder, "names", *words, "--nss", command=command)
    assert status == NOTHING_MISSING and not missing and "Nothing is missing" in err and "443/tcp" in err, err
    assert [p.name for p in builder.where.iterdir() if p.name.startswith(".")] == []


def test_the_table_says_what_to_add(builder):
    out = builder.stead("build", "elf", "table", "getent", "--root", lab.tree("bookworm"), "--verify", "--", "getent", "services", "https")
    assert out.returncode == MISSING and out.stdout.split()[:4] == ["MISSING", "BY", "TIMES", "OPTION"]
    assert ["/etc/services", "getent", "1", "--nss"] in [line.split() for line in out.stdout.splitlines()]
    assert "Nothing was made" in out.stderr


def test_character_sets_are_missed(builder):
    words = ["iconv", "--root", lab.tree("bookworm")]
    command = ["iconv", "-f", "ISO-8859-2", "-t", "UTF-8", "/etc/os-release"]
    status, missing, err = verify(builder, "gconv", *words, command=command)
    assert status == MISSING and "failed to start conversion" in err
    assert missing and {m["option"] for m in missing.values()} == {"--gconv"} and all("/gconv/" in p for p in missing)
    assert verify(builder, "gconv", *words, "--gconv", command=command)[0] == NOTHING_MISSING


def test_modules_are_missed_by_their_interpreter(builder):
    words = ["perl", "--root", lab.tree("bookworm")]
    command = ["perl", "-MPOSIX", "-e", "print POSIX::floor(2.5)"]
    status, missing, _ = verify(builder, "perl", *words, command=command)
    module = next(p for p in missing if p.endswith("/POSIX.pm"))
    assert status == MISSING and missing[module]["option"] == f"--add={module}" and missing[module]["process"] == "perl"
    assert verify(builder, "perl", *words, f"--add={os.path.dirname(module)}", command=command)[0] == NOTHING_MISSING


def test_a_library_that_is_loaded_later(builder):
    """No note says so, and it is not in the loader's own directories alone."""
    root = lab.copy_tree("bookworm")
    library = next(root.glob("usr/lib/*/libbz2.so.1.0"))
    script = root / "usr/bin/later"
    script.write_text("#!/usr/bin/perl\nrequire DynaLoader; exit !DynaLoader::dl_load_file('libbz2.so.1.0');\n")
    script.chmod(0o755)
    base = next(root.glob("usr/lib/*/perl-base"))
    words = ["later", "--root", root, f"--add=/{base.relative_to(root)}"]
    path = f"/{library.relative_to(root)}"
    status, missing, _ = verify(builder, "later", *words)
    assert status == MISSING and any(os.path.basename(p) == "libbz2.so.1.0" for p in missing), missing
    assert verify(builder, "later", *words, f"--add={path}")[0] == NOTHING_MISSING
    lab.remove_tree(root)


def test_programs_and_interpreters_are_missed(builder):
    root = lab.copy_tree("bookworm")
    for name, line in (("outer", "#!/bin/sh\n/usr/bin/inner; ls /; cd /etc; read x < services; read x < ./services; : > /srv/deep/file\n"), ("inner", "#!/usr/bin/perl\n")):
        (root / "usr/bin" / name).write_text(line)
        (root / "usr/bin" / name).chmod(0o755)
    (root / "srv/deep").mkdir()
    tool = root / "usr/share/inner"
    shutil.copy(root / "usr/bin/inner", tool)
    status, missing, _ = verify(builder, "outer", "outer", "--root", root)
    assert status == MISSING
    assert missing["/usr/bin/inner"]["call"] == "execve" and missing["/usr/bin/ls"]["option"] == "--add=/usr/bin/ls"
    services = missing["/etc/services"]
    assert services["option"] == "--nss" and services["times"] == 2, "looked up from where the process is"
    assert services["process"] == "outer", "of a script its own name"
    assert "/srv/deep" in missing and "/srv/deep/file" not in missing, "what it makes need not be there"
    # the script is there, what it is to be run by is not
    _, missing, _ = verify(builder, "outer", "outer", "--root", root, "--add=/usr/bin/inner")
    assert "/usr/bin/inner" not in missing and missing["/usr/bin/perl"]["call"] == "execve"
    lab.remove_tree(root)


def test_what_may_be_missing(builder):
    words = ["getent", "--root", lab.tree("bookworm")]
    status, missing, _ = verify(builder, "without", *words, "--without=/etc/services", command=["sh", "-c", "exit 0"])
    assert status == MISSING and set(os.path.basename(p) for p in missing) == {"sh"}
    status, missing, err = verify(builder, "without", *words, "--without=/etc/services", command=["getent", "services", "https"])
    assert status == COULD_NOT and not missing and "ended with status 2" in err, "it misses nothing, and still does not work"
    assert verify(builder, "without", *words, command=["getent", "passwd", "root"])[0] == NOTHING_MISSING


def test_a_server_is_ended_in_order(builder):
    merged = [lab.tree("layer-apps") / "redis", lab.tree("layer-v1")]
    words = ["redis-server", "--root", "/mnt", "--timeout=6"]
    status, missing, _ = verify(builder, "server", *words, merged=merged)
    assert status == MISSING and list(missing) == ["/usr/lib/ssl/openssl.cnf"] and missing["/usr/lib/ssl/openssl.cnf"]["option"] == "--certs"
    status, missing, err = verify(builder, "server", *words, "--without=/usr/lib/ssl/openssl.cnf", merged=merged)
    assert status == NOTHING_MISSING and not missing, (missing, err)
    out = verify(builder, "sleeper", "sleep", "--root", lab.tree("bookworm"), "--timeout=1", command=["sleep", "1000"])
    assert out[0] == NOTHING_MISSING, "the signal that ends it is ours"
    assert "Ready to accept connections" in err and "bye bye" in err, "a server has an end of its own"


def test_configuration_is_missed(builder):
    words = ["haproxy", "--root", lab.tree("haproxy"), "--user=haproxy"]
    command = ["haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg"]
    status, missing, _ = verify(builder, "haproxy", *words, command=command)
    assert status == MISSING and missing["/etc/haproxy/haproxy.cfg"]["option"] == "--add=/etc/haproxy/haproxy.cfg"
    status, missing, err = verify(builder, "haproxy", *words, "--add=/etc/haproxy", "--nss", command=command)
    assert status == NOTHING_MISSING, (missing, err)


def test_a_layer_is_published_complete_or_not_at_all(builder):
    words = ["build", "elf", "--layer", "site/verified", "getent", "--root", lab.tree("bookworm"), "--verify"]
    command = ["--", "getent", "services", "https"]
    out = builder.stead(*words, *command)
    assert out.returncode == MISSING and "--nss" in out.stdout and "site/verified" not in builder.stead("layer", "list").stdout
    out = builder.stead(*words, "--nss", *command)
    assert out.returncode == NOTHING_MISSING and "Built layer site/verified@" in out.stderr
    assert "site/verified" in builder.stead("layer", "list").stdout


def test_options_of_the_machine(builder):
    """A port of the host's would be in the way, and a file may come from elsewhere."""
    data = builder.where / "data"
    data.mkdir()
    (data / "words").write_text("words\n")
    root = lab.copy_tree("bookworm")
    (root / "srv/words").write_text("words\n")
    words = ["sh", "--root", root]
    command = ["sh", "-c", "read x < /srv/words && [ $KEY = value ]"]
    status, missing, _ = verify(builder, "options", *words, command=command)
    assert status == MISSING and set(missing) == {"/srv/words"}
    assert verify(builder, "options", *words, f"--bind={data}:/srv", "--setenv=KEY=value", "--private-network",
                  command=command)[0] == NOTHING_MISSING
    lab.remove_tree(root)


def test_what_could_not_be_run(builder):
    words = ["getent", "--root", lab.tree("bookworm")]
    status, _, err = verify(builder, "not", *words, command=["nonsense"])
    assert status == COULD_NOT and "Failed to run 'nonsense': No such file" in err
    for wrong in (["--verify", "--list"], ["--timeout=3"], ["--private-network"], ["--", "getent"]):
        out = builder.stead("build", "elf", "not", *words, *wrong)
        assert out.returncode == 2 and "--verify" in out.stderr and not (builder.where / "not").exists(), out
    assert builder.stead("build", "elf", "not", "nothing", "--verify").returncode == COULD_NOT
    out = builder.stead("build", "elf", "not", *words, "--verify", "--timeout=0")
    assert out.returncode == COULD_NOT and "nothing would run" in out.stderr, "what does not run misses nothing"


def test_nothing_outlives_a_kill(builder):
    words = builder.command("build", "elf", "killed", "sh", "sleep", "--root", lab.tree("bookworm"), "--timeout=1000", "--verify", "--",
                            "sh", "-c", "echo running; exec sleep 1000")
    said = builder.where.with_suffix(".log")  # a pipe would end with us, and the machine with it
    with open(said, "w") as log, subprocess.Popen(words, env=builder.environment(), stdin=subprocess.DEVNULL, stderr=log) as process:
        machine = pathlib.Path(f"/run/stead/machines/verify-{process.pid}")
        lab.wait_for(lambda: "running" in said.read_text(), what="the program")
        assert machine.exists()
        process.kill()
    lab.wait_for(lambda: not machine.exists(), what="the end of the machine")
    # what it made so far is removed by the next one
    assert verify(builder, "killed", "sleep", "--root", lab.tree("bookworm"), command=["sleep", "0"])[0] == NOTHING_MISSING
    assert not [p for p in builder.where.iterdir() if p.name.startswith(".#killed")]
    said.unlink()


def test_programs_of_another_kind_of_processor(builder):
    """32 bits have calls of their own."""
    status, missing, _ = verify(builder, "i386", "sh", "--root", lab.tree("i386"), command=["sh", "-c", "read x < /etc/debian_version"])
    assert status == MISSING and missing["/etc/debian_version"]["process"] == "sh"


def test_a_path_below_another_root(builder):
    status, missing, _ = verify(builder, "jail", "chroot", "--root", lab.tree("bookworm"), command=["chroot", "/usr", "/bin/nice"])
    assert status == MISSING and set(missing) == {"/usr/bin/nice"}, missing
