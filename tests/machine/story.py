# SPDX-License-Identifier: LGPL-2.1-or-later
"""
The story of layers from end to end, as an admin lives it, on whatever host it is told: a base as it was released,
three machines on it, the base with all updates from a plain web server, `update --all`, and the way back.

A host is an object with run(command, status=0) -> stdout, which a shell takes, serve(directory) -> url, and the paths of
what it is given: .v1 and .v2 (bases), .apps (uppers of apps), .state (of machines), .work (a directory of its own), .word
(before all names).
"""
import json
import os
import pathlib
import stat

# what differs between two boots of one machine, whatever its layers are
RUNTIME = ("/var/log/", "/run/", "/tmp/", "/var/tmp/", "/var/lib/systemd/", "/var/cache/ldconfig/", "/var/lib/private", "/var/cache/apt/", "/var/lib/dpkg/lock",
           "/etc/machine-id", "/var/lib/redis", "/var/lib/nginx", "/etc/.updated", "/var/.updated")


def describe(top):
    """path -> everything that can be told about it, of a directory tree."""
    found = {}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            key = "/" + os.path.relpath(path, top)
            what = (stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid)
            if stat.S_ISREG(st.st_mode):
                what += (pathlib.Path(path).read_bytes(), int(st.st_mtime))
            elif stat.S_ISLNK(st.st_mode):
                what += (os.readlink(path),)
            elif not stat.S_ISDIR(st.st_mode):
                what += (st.st_rdev,)
            found[key] = what
    return found


def content(what):
    """Of an entry of describe(): what a reader of the file sees."""
    return what and (what[0], what[4] if len(what) > 4 else None)


class Story:
    def __init__(self, host):
        self.host, self.word = host, host.word
        self.base, self.nginx = f"{self.word}/base", f"{self.word}/nginx"
        self.web, self.cache, self.plain = (f"{self.word}-{n}" for n in ("web", "cache", "plain"))
        self.machines = (self.web, self.cache, self.plain)
        self.publisher = f"STEAD_STORE={host.work}/publisher"

    def stead(self, words, status=0):
        return self.host.run(f"stead {words}", status)

    # the two bases, on a server

    def publish(self, tree, message):
        run, site = self.host.run, f"{self.host.work}/site"
        run(f"{self.publisher} stead layer import -q {self.base} {tree} -m '{message}'")
        run(f"{self.publisher} stead publish -q {site} {self.base} --key={self.word}")

    def serve(self):
        self.host.run(f"mkdir -p {self.host.work}/site; stead remote key {self.word}")
        self.publish(self.host.v1, "as released")
        url = self.host.serve(f"{self.host.work}/site")
        self.stead(f"remote add {self.word} {url} --key=/etc/stead/keys/{self.word}.pub")
        self.stead(f"pull -q {self.word}:{self.base}")

    # three machines

    def define(self, name):
        self.host.run(f"mkdir -p /etc/stead; printf '[Network]\\nPrivate=yes\\n' >/etc/stead/{name}.machine")

    def make_machines(self):
        """An app that came as a layer, one that was installed in the machine, and an edited file."""
        for name in self.machines:
            self.define(name)
        self.stead(f"layer import -q {self.nginx} {self.host.apps}/nginx --difference --base={self.base} -m nginx")
        self.stead(f"create -q {self.web} {self.base} {self.nginx}")
        self.stead(f"create -q {self.cache} {self.base}")
        self.stead(f"create -q {self.plain} {self.base}")
        # what apt-get wrote in the machine, as it would have written it
        self.host.run(f"cp -a {self.host.apps}/redis/. {self.host.state}/{self.cache}/upper/")
        for name in self.machines:
            self.stead(f"start {name}")
        self.inside(self.plain, "echo '# ours' >>/etc/ssl/openssl.cnf; touch /usr/lib/x86_64-linux-gnu/libssl.so.3; "
                                "echo ours >>/etc/ca-certificates.conf")
        self.answers()

    def inside(self, name, command, status=0):
        return self.host.run(f"stead exec {name} -- sh -c \"{command}\"", status)

    def answers(self):
        assert self.inside(self.web, "systemctl is-active nginx").strip() == "active"
        page = self.inside(self.web, "perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(q(127.0.0.1:80))->opened'")
        assert page.strip() == "1"
        assert self.inside(self.cache, "redis-cli ping").strip() == "PONG"

    def version(self, name, package):
        return self.inside(name, f"dpkg-query -W -f '\\${{Version}}' {package}").strip()

    def truth(self, name):
        """Whether what dpkg, apt and the loader say is so."""
        assert self.inside(name, "dpkg --audit") == ""
        self.inside(name, "apt-get check -qq")
        # what the base itself does not have (documents, emptied directories) is no news
        wrong = [line.split() for line in self.inside(name, "dpkg --verify || :").splitlines()]
        wrong = [words[-1] for words in wrong if words[0] != "missing" or os.path.lexists(f"{self.host.v2}{words[-1]}")]
        cached = self.inside(name, "ldconfig -p | wc -l")
        assert int(cached) > 20
        assert self.inside(name, "ldconfig -p | sed -n 's/.*=> //p' | xargs ls -d >/dev/null") == ""
        return wrong

    # the report, worked out from the data alone

    def expected_hiding(self, before, after, above):
        """Paths of @above that hide what the new base changes, and are not mere copies of what it was or is."""
        return {path for path, what in above.items()
                if not stat.S_ISDIR(what[0]) and content(before.get(path)) != content(after.get(path)) and
                content(what) not in (content(before.get(path)), content(after.get(path)))}

    def check_report(self, reports, hides):
        for name in self.machines:
            report = reports[name]
            assert len(report["packages"]) == 15, report["packages"]
            told = {item["path"] for item in report["drift"] if item["kind"] in ("conflict", "pinned", "merged")}
            assert told == hides[name], (name, told ^ hides[name])
        plain = {item["path"]: item["kind"] for item in reports[self.plain]["drift"]}
        assert plain["/usr/lib/x86_64-linux-gnu/libssl.so.3"] == "identical"
        assert plain["/etc/ssl/openssl.cnf"] == "ours"
        assert plain["/etc/ca-certificates.conf"] == "conflict"
        assert {item["path"]: item["kind"] for item in reports[self.web]["drift"]}["/var/lib/dpkg/status"] == "merged"

    def stop(self):
        for name in self.machines:
            self.stead(f"stop {name}")

    def seen(self, name):
        """The machine's whole tree, as a program in it sees it, but for what every boot writes."""
        script = ("find / -xdev ! -type d ! -type f -printf '%p %y %m %U %G %l\\n'; "
                  "find / -xdev -type f -printf '%p %m %U %G %s %Ts\\n'; "
                  "find / -xdev -type f -exec sha256sum {} +")
        lines = self.host.run(f"stead run {name} -- sh -c \"{script}\" 2>/dev/null").splitlines()
        return sorted(line for line in lines if not line.split("  ")[-1].startswith(RUNTIME))

    def run(self):
        hides = self.hiding()
        self.serve()
        self.make_machines()
        self.stop()
        before = {name: self.seen(name) for name in self.machines}
        for name in self.machines:
            self.stead(f"start {name}")
        self.publish(self.host.v2, "with updates")
        self.stead(f"pull -q {self.word}:{self.base}")
        assert self.version(self.web, "libssl3") == "3.0.20-1~deb12u2", "a machine changes only when it is told"
        said = self.stead(f"update --json --dry-run {' '.join(self.machines)} 2>/dev/null")
        reports = {r["name"]: r for r in json.loads(said)}
        self.check_report(reports, hides)
        self.stead(f"update --now {' '.join(self.machines)}")
        self.answers()
        for name in self.machines:
            assert self.version(name, "libssl3") == "3.0.22-1~deb12u2"
            assert self.inside(name, "openssl version").split()[1] == "3.0.22"
            wrong = self.truth(name)
            assert wrong == (["/etc/ssl/openssl.cnf"] if name == self.plain else []), (name, wrong)
        assert "ours" in self.inside(self.plain, "tail -1 /etc/ssl/openssl.cnf")
        assert self.version(self.web, "nginx") and self.version(self.cache, "redis-server")
        self.stop()
        for name in self.machines:
            self.stead(f"rollback {name}")
            differs = sorted(set(self.seen(name)) ^ set(before[name]))
            assert differs == [], (name, differs[:20])
        for name in self.machines:
            self.stead(f"start {name}")
        self.answers()
        assert self.version(self.plain, "libssl3") == "3.0.20-1~deb12u2"
        self.stop()
        self.stead("layer fsck")

    def hiding(self):
        v1, v2 = describe(self.host.v1), describe(self.host.v2)
        nginx, redis = describe(f"{self.host.apps}/nginx"), describe(f"{self.host.apps}/redis")
        # never part of a layer
        nginx = {path: what for path, what in nginx.items() if not path.startswith("/var/cache/debconf/") or not path.endswith("-old")}
        return {self.web: self.expected_hiding(v1, v2, nginx), self.cache: self.expected_hiding(v1, v2, redis),
                self.plain: {"/etc/ca-certificates.conf"}}

    def clean(self):
        for name in self.machines:
            self.host.run(f"stead stop --force {name}; stead remove --yes --purge {name}; rm -f /etc/stead/{name}.machine", None)
        self.host.run(f"stead remote remove {self.word}; rm -f /etc/stead/keys/{self.word}.*", None)
