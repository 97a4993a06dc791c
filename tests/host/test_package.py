# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian package on a host that never saw stead: installed, upgraded under running machines, removed, purged."""
import re
import shutil
import subprocess

import pytest

import lab

TOP = lab.TOP
NEXT = "999"


@pytest.fixture(scope="session")
def debs(tmp_path_factory):
    """The package of these sources, and the same with a higher version."""
    done = subprocess.run([TOP / "tools/package"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    first = done.stdout.strip()
    work = tmp_path_factory.mktemp("deb")
    subprocess.run(["dpkg-deb", "-R", first, work / "tree"], check=True)
    control = work / "tree/DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", f"Version: {NEXT}", control.read_text()))
    subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "-b", work / "tree", work / "next.deb"], check=True,
                   stdout=subprocess.DEVNULL)
    return {"first": first, "next": work / "next.deb"}


@pytest.fixture(scope="module")
def bare(version, debs):
    """A host without stead, with both packages in /root."""
    host = lab.Host(version, stead=False).make()
    for name, deb in debs.items():
        shutil.copy(deb, host.path(f"/root/{name}.deb"))
    try:
        with host:
            yield host
    finally:
        host.remove()


@pytest.fixture
def host(bare):
    """The same with the package installed; what a test leaves of it is purged."""
    bare.ok("dpkg -i /root/first.deb")
    yield bare
    bare.ok("dpkg -P stead")


@pytest.fixture
def make(host):
    made = []

    def call(name, kind, **more):
        # what an orderly shut-down leaves behind
        unit = host.add_guest(name, **more) / "etc/systemd/system/orderly.service"
        unit.write_text("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/touch /var/orderly\n")
        (unit.parent / "multi-user.target.wants").mkdir(exist_ok=True)
        (unit.parent / "multi-user.target.wants/orderly.service").symlink_to("../orderly.service")
        made.append(lab.Guest(host, name, kind))
        return made[-1].start()
    yield call
    for guest in made:
        guest.remove()


def files_of_package(host):
    return host.ok("dpkg -L stead | while read -r f; do [ -d \"$f\" ] || echo \"$f\"; done").split()


def test_build_needs_what_the_list_says(debs):
    """Two lists of what a build needs: of Debian's tools and of our own."""
    control = (TOP / "packaging/debian/control").read_text()
    wanted = set(re.findall(r"(?m)^ ([a-z0-9.+-]+)", re.search(r"Build-Depends:\n((?: .*\n)+)", control)[1]))
    ours = set(re.findall(r"(?m)^[a-z0-9.+-]+", (TOP / "tools/packages/build").read_text()))
    # what each Debian build has, and what meson brings along
    assert wanted - {"debhelper-compat"} == ours - {"gcc", "libc6-dev", "ninja-build"}


def test_install_is_whole_and_starts_nothing(host):
    # a host may leave documentation out
    assert host.sh("dpkg -V stead | grep -vE ' /usr/share/(doc|man)(/|$)'") == ""
    assert host.ok("stead --version; stead-launch --version")
    assert "ExecStart=/usr/bin/stead-launch" in host.ok("systemctl cat stead@web.service")
    assert host.ok("systemctl list-units --no-legend --all 'stead*'") == ""
    assert host.sh("systemctl list-unit-files --no-legend 'stead@*' | grep -v static").split()[:2] == ["stead@.service", "disabled"]
    assert host.ok("systemd-analyze verify --man=no stead@web.service 2>&1 | grep -v 'Unknown key'; true") == ""
    # the generator ran at the reload: a definition is there at once
    host.write("/etc/stead/later.machine", "[Unit]\nDescription=Comes later\n")
    host.ok("systemctl daemon-reload")
    assert host.ok("systemctl show -P Description stead@later.service") == "Comes later"
    host.ok("rm /etc/stead/later.machine; systemctl daemon-reload")


def test_programs_find_each_other(host, make):
    """Each path that was built in is one of the package."""
    web = make("web", "service")
    assert web.sh("echo inside") == "inside"
    assert host.ok(f"readlink /proc/{web.launcher}/exe") == "/usr/bin/stead-launch"
    assert "web" in host.ok("machinectl list --no-legend")


@pytest.mark.parametrize("kind", lab.KINDS)
def test_upgrade_leaves_machines_running(host, make, kind):
    guest = make("web", kind)
    before = [guest.leader, guest.launcher, guest.sh("cat /proc/sys/kernel/random/boot_id; cat /proc/1/stat | cut -d' ' -f22")]
    said = host.ok("dpkg -i /root/next.deb")
    assert host.ok("dpkg-query -W -f '${Version}' stead") == NEXT
    assert "web" not in said
    # the launcher goes on with the program that it was started with
    assert host.ok(f"readlink /proc/{guest.launcher}/exe").endswith("/stead-launch (deleted)")
    # the new verbs find the old machine
    after = [guest.leader, guest.launcher, guest.sh("cat /proc/sys/kernel/random/boot_id; cat /proc/1/stat | cut -d' ' -f22")]
    assert after == before
    assert guest.name in host.ok("stead list --quiet").split()
    assert host.ok(f"systemctl is-active {guest.q}") == "active"
    assert guest.is_registered()


@pytest.mark.parametrize("kind", lab.KINDS)
def test_reboot_and_stop_after_upgrade(host, make, kind):
    """An old launcher works with the new programs beside it."""
    guest = make("web", kind)
    leader, launcher = guest.leader, guest.launcher
    host.ok("dpkg -i /root/next.deb")
    host.ok("stead reboot web")
    lab.wait_for(lambda: host.sh("stead show web -p State --value") == "running" and guest.leader != leader, what="the reboot")
    assert guest.launcher == launcher
    lab.wait_for(guest.is_registered, what="the registration after the reboot")
    host.ok("stead stop web")
    guest.wait_gone()
    if kind == "scope":
        assert guest.wait_end() == 0
    else:
        guest.start()
        assert host.ok(f"readlink /proc/{guest.launcher}/exe") == "/usr/bin/stead-launch"


def test_remove_stops_machines_in_order(host, make):
    """Those of systemd and those started by hand."""
    guests = [make("web", "service"), make("hand", "scope")]
    said = host.ok("dpkg -r stead")
    assert "Stopping all machines of stead" in said
    for guest in guests:
        assert host.status(f"systemctl is-active --quiet {guest.q}") != 0
        assert host.path(f"/var/lib/machines/{guest.name}/var/orderly").exists()
    assert host.sh("pgrep -l stead-launch") == ""
    assert host.sh("findmnt -rno TARGET | grep stead") == ""


def test_remove_is_refused_when_a_machine_does_not_stop(host, make):
    """Nothing is taken away from under a machine."""
    make("web", "service")
    # a verb that cannot work, as with a full disk or a lost bus
    host.ok("mv /usr/bin/stead /usr/bin/stead.real; printf '#!/bin/sh\\n[ $1 = stop ] && exit 1\\nexec stead.real \"$@\"\\n' >/usr/bin/stead; "
            "chmod +x /usr/bin/stead")
    try:
        done = host.run("dpkg", "-r", "stead")
        assert done.returncode != 0
        assert "Try: stead stop --all --force" in done.stdout
    finally:
        host.ok("mv /usr/bin/stead.real /usr/bin/stead")
    assert host.ok("dpkg-query -W -f '${db:Status-Status}' stead") == "installed"
    assert host.ok("systemctl is-active stead@web.service") == "active"
    assert host.status("stead exec web -- true") == 0


def test_purge_leaves_only_what_is_the_admins(host, make):
    guest = make("web", "service")
    host.write("/etc/stead/web.machine", "[Exec]\nHostname=web\n")
    host.ok("systemctl enable stead@web.service")
    assert host.path("/etc/systemd/system/machines.target.wants/stead@web.service").is_symlink()
    assert host.status("test -L /run/systemd/generator/systemd-nspawn@web.service") == 0
    files = files_of_package(host)
    assert "/usr/bin/stead" in files

    said = host.ok("dpkg -P stead")
    assert "/etc/stead/web.machine" in said
    assert "/var/lib/machines" in said
    assert [f for f in files if host.path(f).exists()] == []
    assert host.sh("ls -d /run/stead /var/lib/stead").count("No such file") == 2
    assert host.sh("find /etc/systemd /run/systemd/generator* -name '*stead*' -o -lname '*stead@*'") == ""
    assert host.sh("systemctl list-units --no-legend --all 'stead*' 'systemd-nspawn@*'") == ""
    assert host.sh("systemctl list-unit-files --no-legend 'stead*'") == ""
    # what the admin made
    assert host.ok("cat /etc/stead/web.machine") == "[Exec]\nHostname=web"
    assert host.path("/var/lib/machines/web/etc/os-release").exists()
    host.ok("rm -r /etc/stead")
    guest.remove()


@pytest.mark.parametrize("before, after", (
    ("files mymachines resolve [!UNAVAIL=return] myhostname dns", "files mymachines stead resolve [!UNAVAIL=return] myhostname dns"),
    ("files mdns4_minimal [NOTFOUND=return] dns", "files stead mdns4_minimal [NOTFOUND=return] dns"),
    ("files # no more", "files stead # no more"),
    ("files", "files stead"),
    ("files dns stead", "files dns stead")))
def test_names_of_machines_for_the_host(bare, before, after):
    """The package puts its module for glibc into the line, and takes it out again."""
    def line():
        return bare.ok("grep ^hosts: /etc/nsswitch.conf")
    old = line()
    bare.ok(f"sed -i 's/^hosts:.*/hosts: {before}/' /etc/nsswitch.conf")
    try:
        for deb in ("first", "next"):
            bare.ok(f"dpkg -i /root/{deb}.deb")
            assert line() == f"hosts: {after}"
        bare.ok("dpkg -r stead")
        assert line() == f"hosts: {before}".replace(" stead", "")
    finally:
        bare.ok(f"dpkg -P stead; sed -i 's/^hosts:.*/{old}/' /etc/nsswitch.conf")


def test_names_by_the_package(host, make):
    """Where machined is not asked."""
    guest = make("web", "service", definition="[Network]\nVirtualEthernet=yes\n")
    host.ok("sed -i 's/ mymachines//' /etc/nsswitch.conf")
    try:
        address = lab.wait_for(lambda: host.sh("sed -n s/^ADDRESS=//p /run/stead/network/web").split(), what="an address")[0]
        assert host.ok("getent ahostsv4 web").split()[0] == address
        guest.stop()
        guest.wait_gone()
        assert host.status("getent ahosts web") == 2
    finally:
        host.ok("sed -i 's/^hosts: *files/& mymachines/' /etc/nsswitch.conf")


def test_purge_of_an_unused_package_leaves_nothing(bare):
    bare.ok("dpkg -i /root/first.deb")
    said = bare.ok("dpkg -P stead")
    assert "Not removed" not in said
    assert bare.sh("ls -d /etc/stead /run/stead /var/lib/stead").count("No such file") == 3
    assert bare.status("dpkg-query -W stead 2>/dev/null") != 0


def test_without_a_running_systemd(bare, debs):
    """As in a chroot or under another init: the scripts of the package do their part."""
    where = lab.work / lab.new_name("chroot")
    try:
        lab.machines.copy_tree(lab.host_tree(bare.version), where)
        for name, deb in debs.items():
            shutil.copy(deb, where / f"root/{name}.deb")
        for step in ("-i /root/first.deb", "-i /root/next.deb", "-P stead"):
            done = subprocess.run(["unshare", "--mount", "--fork", "--pid", "chroot", where, "dpkg", *step.split()],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert done.returncode == 0, done.stdout
        assert not (where / "etc/stead").exists()
        assert not (where / "usr/bin/stead").exists()
    finally:
        lab.machines.remove_tree(where)
