# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/migrating-from-nspawn.md holds: its commands exist, and its steps over and back do what they say."""
import re
import subprocess

import pytest

import lab

TOP = lab.TOP
DOC = (TOP / "docs/migrating-from-nspawn.md").read_text()


def help_of(*words):
    return subprocess.run([lab.STEAD, *words, "--help"], check=True, capture_output=True, text=True).stdout


def commands():
    """All that is shown as typed: in backticks, or indented."""
    return sorted({c.strip() for c in re.findall(r"`(stead [^`]+)`", DOC) + re.findall(r"(?m)^    (stead .*)$", DOC)})


def steps(title):
    """The indented lines below a heading."""
    return re.findall(r"(?m)^    (.*)$", re.search(rf"(?ms)^### {title}$(.*?)^##", DOC)[1])


@pytest.mark.parametrize("command", commands())
def test_command_exists(command):
    verb, *words = command.split()[1:]
    assert re.search(rf"(?m)^  {verb} ", help_of()), f"no verb '{verb}'"
    for option in (w.split("=")[0] for w in words if w.startswith("--") and w != "--"):
        assert re.search(rf"{option}\b", help_of(verb)), f"'{verb}' has no {option}"


def test_what_is_missing_is_listed():
    """Each option that this version knows but does not support, and no other."""
    rows = re.search(r"options\[\] = \{(.*?)\};", (TOP / "src/config/later-option.c").read_text(), re.S)[1]
    told = DOC[DOC.index("## Not in this version"):]
    assert set(re.findall(r"`--([a-z-]+)`", told)) == set(re.findall(r'"([a-z-]+)"', rows))


@pytest.fixture(scope="module")
def host(version):
    """One of its own: the document's machine is called as one that other tests share."""
    with lab.Host(version) as h:
        yield h


def main_process(host):
    """The program that looks after the machine."""
    pid = host.ok("systemctl show -P MainPID systemd-nspawn@web.service")
    return host.ok(f"cat /proc/{pid}/comm")


def wait_up(host):
    host.wait("machinectl show web -p State --value | grep -qx running && machinectl show web -p Leader --value | xargs -I{} grep -qx systemd /proc/{}/comm")


@pytest.fixture
def old(host):
    """A machine as people have it: a tree, a .nspawn file, a drop-in with a limit, enabled."""
    host.add_guest("web")
    host.sh("rm -f /etc/stead/web.machine")
    # that of 252 cannot mount /proc in a user namespace where this host, itself a machine, has masks over its own
    users = "PrivateUsers=no\n" if host.version == "252" else ""
    host.write("/etc/systemd/nspawn/web.nspawn", f"[Exec]\nEnvironment=FROM=nspawn\n{users}[Network]\nVirtualEthernet=no\n")
    host.write("/etc/systemd/system/systemd-nspawn@web.service.d/limits.conf", "[Service]\nMemoryMax=300M\n")
    host.ok("systemctl daemon-reload; systemctl enable systemd-nspawn@web")
    yield host
    host.sh("systemctl stop systemd-nspawn@web.service stead@web.service; systemctl disable stead@web systemd-nspawn@web")
    host.sh("rm -rf /etc/stead/web.machine /etc/systemd/nspawn/web.nspawn /etc/systemd/system/systemd-nspawn@web.service.d")
    host.ok("systemctl daemon-reload; systemctl reset-failed")
    lab.Guest(host, "web").remove()


def run_steps(host, title):
    for line in steps(title):
        host.ok(line)


def test_over_and_back(old):
    host = old
    host.ok("machinectl start web")
    wait_up(host)
    assert main_process(host) == "systemd-nspawn"
    # neither touches what the other runs
    assert "web" not in host.ok("stead list --quiet").split()
    done = host.run("stead", "boot", "web")
    assert done.returncode == 1 and "in use" in done.stdout

    run_steps(host, "Over")
    assert main_process(host) == "stead-launch"
    assert host.ok("systemctl show -P Id systemd-nspawn@web.service") == "stead@web.service"
    assert host.ok("stead exec web -- sh -c 'tr \"\\0\" \"\\n\" </proc/1/environ' | grep FROM") == "FROM=nspawn"
    assert host.ok("systemctl show -P MemoryMax stead@web") == str(300 * 1024 * 1024)
    assert host.ok("machinectl show web -p Unit --value") == "stead@web.service"
    assert host.path("/etc/systemd/system/machines.target.wants/stead@web.service").is_symlink()
    assert not host.path("/etc/systemd/system/machines.target.wants/systemd-nspawn@web.service").is_symlink()
    # what is typed from habit
    host.ok("machinectl poweroff web")
    host.wait("! systemctl is-active --quiet stead@web")
    host.ok("machinectl start web")
    assert main_process(host) == "stead-launch"

    run_steps(host, "Back")
    assert host.ok("systemctl show -P Id systemd-nspawn@web.service") == "systemd-nspawn@web.service"
    assert host.path("/etc/systemd/system/machines.target.wants/systemd-nspawn@web.service").is_symlink()
    assert not host.path("/etc/systemd/system/machines.target.wants/stead@web.service").is_symlink()
    wait_up(host)
    assert main_process(host) == "systemd-nspawn"
    host.ok("machinectl terminate web")


def test_for_good(old):
    host = old
    host.ok("systemctl disable systemd-nspawn@web; stead enable --now web")
    host.ok("sed -i /VirtualEthernet/d /etc/systemd/nspawn/web.nspawn")
    run_steps(host, "For good")
    assert "/etc/stead/web.machine:2" in host.ok("stead cat web")
    host.ok("rm -r /etc/systemd/nspawn/web.nspawn /etc/systemd/system/systemd-nspawn@web.service.d")
    host.ok("printf '[Resources]\\nMemoryMax=200M\\n' >>/etc/stead/web.machine; stead restart web")
    assert host.ok("systemctl show -P MemoryMax stead@web") == str(200 * 1024 * 1024)
    assert host.ok("stead exec web -- sh -c 'tr \"\\0\" \"\\n\" </proc/1/environ' | grep FROM") == "FROM=nspawn"


def test_launcher_under_the_old_name(host):
    line = next(c for c in re.findall(r"(?m)^    (ln .*)$", DOC))
    host.add_guest("old-name")
    try:
        host.ok(line)
        said = host.ok("systemd-nspawn --quiet -M old-name /bin/sh -c 'echo $container; cat /proc/self/uid_map'")
        assert said.split() == ["systemd-nspawn", "0", "0", "4294967295"]
        assert host.ok("systemd-nspawn --version").startswith("systemd 257")
    finally:
        host.sh("rm /usr/local/bin/systemd-nspawn")
        host.remove_guest("old-name")
