# SPDX-License-Identifier: LGPL-2.1-or-later
"""org.stead1 on the bus: what steadd says of itself, what its methods do, who may call them, and what
becomes of it when it is not needed, killed or fed with nonsense.

Scripts run in the host, as root or as an ordinary user, with tests/host/wire.py as `wire`, a connection as
`bus`, and `M` for the manager; what they call result is the result.
"""
import json
import os
import pathlib
import re
import shlex
import textwrap
import xml.etree.ElementTree as ElementTree

import pytest

import lab

HERE = pathlib.Path(__file__).resolve().parent
DOCS = (lab.TOP / "docs/dbus.md").read_text()
INTERFACES = ["Manager", "Machine", "Job", "Process"]
ACTIONS = ["inspect", "manage-machines", "set-resources", "login", "shell", "exec"]
RULES = "/etc/polkit-1/rules.d/10-test.rules"
CALL = "busctl --no-pager call --timeout=60 org.stead1 /org/stead1 org.stead1.Manager"
PRELUDE = """
import json, os, sys, time
sys.path.insert(0, "/opt/stead-test")
import wire
M = ("/org/stead1", "org.stead1.Manager")
PROPERTIES = "org.freedesktop.DBus.Properties"
bus, result = wire.Bus(), None
def error_of(*call, **more):
    "Name and text of the error that a call ends with; no error is none."
    try:
        return (None, bus.call(*call, **more))
    except wire.BusError as e:
        return (e.name, e.text)
def wait(job):
    return bus.call(job, "org.stead1.Job", "Wait")
def null(flags=os.O_RDWR):
    return os.open("/dev/null", flags)
def run(name, *argv, user="", env=(), cwd="", stdin=None):
    "Exit status and output of a command."
    r, w = os.pipe()
    p, pid = bus.call(*M, "Exec", "ssasasshhh", name, user, list(argv), list(env), cwd, stdin or null(), w, w)
    os.close(w)
    out = b""
    while data := os.read(r, 65536):
        out += data
    return bus.call(p, "org.stead1.Process", "Wait")[0], out.decode()
"""


class Caller:
    """Runs scripts on a host as one of its users."""

    def __init__(self, host):
        self.host = host
        for name in ("wire.py", "bus_fuzz.py"):
            host.write(f"/opt/stead-test/{name}", (HERE / name).read_text())

    def __call__(self, script, user="root", timeout=lab.PATIENCE):
        text = PRELUDE + textwrap.dedent(script) + "\nprint(json.dumps(result))\n"
        done = self.host.run("runuser", "-u", user, "--", "python3", "-c", text, timeout=timeout)
        assert done.returncode == 0, done.stdout
        return json.loads(done.stdout.splitlines()[-1])

    def rules(self, text):
        """Rules of polkit in JavaScript; waits until they are in force."""
        if text is None:
            self.host.ok(f"rm -f {RULES}")
        else:
            self.host.write(RULES, text)
        self.host.ok("systemctl reset-failed polkit; systemctl restart polkit")

    def pid(self):
        return int(self.host.ok("systemctl show -P MainPID steadd"))

    def restart(self, *options):
        """Another steadd, with options of its own."""
        folder = "/run/systemd/system/steadd.service.d"
        self.host.ok(f"rm -rf {folder}")
        if options:
            self.host.write(f"{folder}/test.conf", "[Service]\nExecStart=\nExecStart=/usr/libexec/stead/steadd "
                            f"{' '.join(options)}\n")
        self.host.ok("systemctl daemon-reload; systemctl stop steadd; systemctl reset-failed steadd 2>/dev/null; true")


@pytest.fixture(scope="module")
def call(host):
    caller = Caller(host)
    # most tests are longer than the default is patient between two of their commands
    caller.restart("--exit-idle-time=5min")
    yield caller
    caller.restart()


@pytest.fixture
def polkit(call):
    yield call.rules
    call.rules(None)


@pytest.fixture
def own(make):
    """A machine of its own that runs."""
    return make("own").start()


def allow(*actions, condition="true"):
    """A rule for the user of the tests: yes to these actions, no to all others of ours."""
    listed = json.dumps([f"org.stead1.{a}" for a in actions])
    return ("polkit.addRule(function(action, subject) {\n"
            "  if (action.id.indexOf('org.stead1.') != 0 || subject.user != 'user') return undefined;\n"
            f"  return {listed}.indexOf(action.id) >= 0 && ({condition}) ? polkit.Result.YES : polkit.Result.NO;\n"
            "});\n")


# --- interfaces ----------------------------------------------------------------------------------

def idl(interface):
    """An interface's XML as the lines that the documentation has."""
    changes = {"const": " const", "invalidates": " invalidates", "false": " silent"}
    for member in interface:
        if member.tag == "property":
            note = member.find("annotation")
            yield f"property {member.get('type')} {member.get('name')}{changes.get(note.get('value'), '') if note is not None else ''}"
        elif member.tag in ("method", "signal"):
            words = [" ".join(filter(None, map(a.get, ("direction", "type", "name")))) for a in member.findall("arg")]
            if member.tag == "signal":
                words = [w.removeprefix("out ") for w in words]
            yield f"{member.tag} {member.get('name')}({', '.join(words)})"


def installed_idl(name):
    root = ElementTree.parse(lab.TOP / f"dbus/org.stead1.{name}.xml").getroot()
    return list(idl(root.find("interface")))


def documented(name):
    section = DOCS.split(f"\n## org.stead1.{name}\n")[1].split("\n## ")[0]
    return re.search(r"```\n(.*?)```", section, re.S)[1].splitlines()


def test_interfaces_are_those_of_the_xml_and_the_documentation(host, call, scope):
    said = call(f"""
        p, pid = bus.call(*M, "Exec", "ssasasshhh", "{scope.name}", "", ["sleep", "5"], [], "", null(), null(), null())
        job, = bus.call(*M, "Apply", "asb", [], True)
        paths = dict(Manager="/org/stead1", Machine="/org/stead1/machine/by_2dhand", Job=job, Process=p)
        result = {{n: bus.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")[0] for n, path in paths.items()}}
        bus.call(p, "org.stead1.Process", "Kill", "i", 9)
    """)
    for name in INTERFACES:
        live = next(i for i in ElementTree.fromstring(said[name]) if i.get("name") == f"org.stead1.{name}")
        assert list(idl(live)) == installed_idl(name), name
        assert documented(name) == installed_idl(name), name
        assert host.status(f"cmp /usr/share/dbus-1/interfaces/org.stead1.{name}.xml -", input=(
            lab.TOP / f"dbus/org.stead1.{name}.xml").read_text()) == 0


def test_errors_are_those_of_the_documentation():
    source = "".join(p.read_text() for p in (lab.TOP / "src/service").glob("*.c"))
    used = set(re.findall(r'STEAD1_ERROR "(\w+)"', source))
    rows = re.findall(r"^\| (`[A-Z].*?) \|", DOCS.split("\n## Errors\n")[1], re.M)
    assert set(re.findall(r"\w+", " ".join(rows))) == used


def test_the_tree_of_objects(host, call, service):
    tree = host.ok("busctl --no-pager --list tree org.stead1").split()
    assert {"/org/stead1", "/org/stead1/machine/web"} <= set(tree)


# --- life of the service -------------------------------------------------------------------------

def test_it_is_activated_and_leaves(host, call):
    call.restart("--exit-idle-time=300ms")
    try:
        before = host.cursor()
        for _ in range(3):
            assert host.ok(f"{CALL} ListJobs") == "a(usso) 0"
            host.wait("test $(systemctl show -P ActiveState steadd) = inactive")
            assert host.ok("systemctl show -P Result steadd") == "success"
        assert len(re.findall("Started .*steadd.service", host.journal("steadd", before))) == 3
    finally:
        call.restart("--exit-idle-time=5min")


def test_calls_that_meet_its_leaving_are_answered(host, call):
    call.restart("--exit-idle-time=1ms")
    try:
        assert call("""
            done = 0
            for i in range(150):
                bus.call(*M, "ListMachines")
                done += 1
                time.sleep((i % 7) / 1000)
            result = done
        """) == 150
    finally:
        call.restart("--exit-idle-time=5min")


def test_a_subscriber_keeps_it(host, call):
    call.restart("--exit-idle-time=300ms")
    try:
        first, after = call("""
            bus.call(*M, "Subscribe")
            first = bus.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner", "s", "org.stead1", to="org.freedesktop.DBus")
            time.sleep(1.5)
            result = first, bus.call("/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner", "s", "org.stead1", to="org.freedesktop.DBus")
        """)
        assert first == after
        host.wait("test $(systemctl show -P ActiveState steadd) = inactive")
    finally:
        call.restart("--exit-idle-time=5min")


def test_a_process_keeps_it(host, call, service):
    call.restart("--exit-idle-time=300ms")
    try:
        assert call("""
            p, pid = bus.call(*M, "Exec", "ssasasshhh", "web", "", ["sleep", "1"], [], "", null(), null(), null())
            bus.match("type='signal',interface='org.stead1.Process'")
            result = bus.signal("Exited", path=p).body
        """) == [0]
        host.wait("test $(systemctl show -P ActiveState steadd) = inactive")
    finally:
        call.restart("--exit-idle-time=5min")


def test_sigterm_ends_it(host, call):
    host.ok(f"{CALL} ListMachines; systemctl stop steadd")
    assert set(host.ok("systemctl show -P Result -P ActiveState steadd").split()) == {"success", "inactive"}
    host.ok(f"{CALL} ListMachines")


def test_words_on_its_command_line(host):
    run = "/usr/libexec/stead/steadd"
    assert "--exit-idle-time=SPAN" in host.ok(f"{run} --help")
    assert re.match(r"steadd \d", host.ok(f"{run} --version"))
    assert host.run(run, "--exit-idle-time=soon").stdout.splitlines()[0] == \
        "steadd: --exit-idle-time= takes a time like 30s, not 'soon'"
    assert "is for root" in host.run("runuser", "-u", "user", "--", run).stdout
    assert "'word' is one word too many" in host.run(run, "word").stdout


# --- looking -------------------------------------------------------------------------------------

def test_machines_and_their_properties(host, call, machine):
    path = f"/org/stead1/machine/{machine.name.replace('-', '_2d')}"
    rows, p, found = call(f"""
        result = (bus.call(*M, "ListMachines")[0], bus.call("{path}", PROPERTIES, "GetAll", "s", "org.stead1.Machine")[0],
                  bus.call(*M, "GetMachine", "s", "{machine.name}")[0])
    """)
    assert found == path
    assert [machine.name, "running", machine.leader, machine.unit, path] in rows
    shown = json.loads(host.ok(f"stead show --json {machine.name}"))[0]
    assert (p["Name"], p["State"], p["Init"], p["Unit"]) == (machine.name, "running", "systemd", machine.unit)
    assert (p["Leader"], p["Launcher"]) == (machine.leader, machine.launcher)
    assert bytes(p["Id"]).hex() == shown["Id"].replace("-", "")
    assert (p["RootDirectory"], p["ControlGroup"]) == (shown["RootDirectory"], shown["ControlGroup"])
    assert (p["UIDBase"], p["UIDSize"]) == (machine.base, 65536)
    assert p["PrivateNetwork"] is shown["PrivateNetwork"] and p["NoNewPrivileges"] is False
    assert 0 < p["StartedTimestamp"] <= p["ReadyTimestamp"]
    assert p["StartedTimestamp"] == shown["StartedUSec"]
    assert p["CPUUsageNSec"] > 0


def test_what_is_in_the_machine(host, call, machine):
    path = f"/org/stead1/machine/{machine.name.replace('-', '_2d')}"
    os_release, addresses, by_leader, by_child = call(f"""
        r, w = os.pipe()
        p, pid = bus.call(*M, "Exec", "ssasasshhh", "{machine.name}", "", ["sleep", "5"], [], "", null(), w, w)
        result = (bus.call("{path}", "org.stead1.Machine", "GetOSRelease")[0],
                  bus.call("{path}", "org.stead1.Machine", "GetAddresses")[0],
                  bus.call(*M, "GetMachineByPID", "u", {machine.leader})[0],
                  bus.call(*M, "GetMachineByPID", "u", pid)[0])
        bus.call(p, "org.stead1.Process", "Kill", "i", 9)
    """)
    assert os_release["ID"] == "debian"
    assert os_release["PRETTY_NAME"] in machine.ok("cat /etc/os-release")
    inside = machine.ok("ip -o addr show scope global | awk '{print $4}' | cut -d/ -f1").split()
    assert [a for a in addresses if "%" not in a] == inside
    assert by_leader == by_child == path


def test_finding_what_is_not_there(host, call):
    assert call("""
        result = [error_of(*M, "GetMachine", "s", "nowhere")[0], error_of(*M, "GetMachine", "s", "../web")[0],
                  error_of(*M, "GetMachineByPID", "u", 1), error_of(*M, "GetMachineByPID", "u", 0)[0],
                  error_of(*M, "GetMachineByPID", "u", 4000000000)[0], error_of(*M, "GetMachineByPID", "u", 4000000)[0],
                  error_of("/org/stead1/machine/nowhere", PROPERTIES, "GetAll", "s", "org.stead1.Machine")[0],
                  error_of("/org/stead1/machine/a_2fb", PROPERTIES, "GetAll", "s", "org.stead1.Machine")[0],
                  error_of("/org/stead1/machine/a_e2b", PROPERTIES, "GetAll", "s", "org.stead1.Machine")[0],
                  error_of("/org/stead1/job/0", PROPERTIES, "GetAll", "s", "org.stead1.Job")[0]]
    """) == ["org.stead1.Error.NoSuchMachine", "org.freedesktop.DBus.Error.InvalidArgs",
             ["org.stead1.Error.NoSuchMachine", "Process 1 is in no machine"],
             *["org.freedesktop.DBus.Error.InvalidArgs"] * 2, "org.stead1.Error.NoSuchProcess",
             *["org.freedesktop.DBus.Error.UnknownObject"] * 4]


def test_definitions(host, call):
    host.write("/etc/stead/good.machine", "[Exec]\nEnvironment=A=1\nSetCredential=key:hush-hush\n[Files]\nBind=/opt\n")
    host.write("/etc/stead/bad.machine", "[Exec]\nBoot=maybe\n\n[Network]\nPort=tcp:x\n")
    host.ok("mkdir -p /var/lib/machines/good/usr /var/lib/machines/good/sbin; cp /bin/true /var/lib/machines/good/sbin/init; "
            "mkdir -p /var/lib/machines/good/etc; cp /etc/os-release /var/lib/machines/good/etc; ln -sf /dev/null /etc/stead/masked.machine")
    try:
        rows, good, bad, plan, errors = call("""
            result = (bus.call(*M, "ListDefinitions")[0], bus.call(*M, "Check", "s", "good")[0],
                      bus.call(*M, "Check", "s", "bad")[0], bus.call(*M, "Plan", "s", "good")[0],
                      [error_of(*M, m, "s", n) for m in ("Check", "Plan", "Start") for n in ("nowhere", "bad", "masked")])
        """)
        assert {tuple(r) for r in rows} >= {("good", "/etc/stead/good.machine"), ("bad", "")}
        assert good == []
        assert [(r[0], r[1]) for r in bad] == [("error", "/etc/stead/bad.machine:2"), ("error", "/etc/stead/bad.machine:5")]
        assert "maybe" in bad[0][2]
        plan_text, plan = plan, json.loads(plan)
        assert plan["machine"] == "good" and "key" in str(plan["credentials"])
        assert "hush" not in plan_text
        names = [e[0] and e[0].removeprefix("org.stead1.Error.") for e in errors]
        assert names == ["NoSuchDefinition", None, "Masked",
                         "NoSuchDefinition", "BadDefinition", "Masked",
                         "NoSuchDefinition", "BadDefinition", "Masked"]
        assert errors[7][1].startswith("/etc/stead/bad.machine:2: ")
        everything = call("""result = bus.call(*M, "Check", "s", "")[0]""")
        assert {r[1] for r in everything} >= {"/etc/stead/bad.machine:2", "/etc/stead/bad.machine:5"}
    finally:
        host.ok("rm -rf /etc/stead/good.machine /etc/stead/bad.machine /etc/stead/masked.machine /var/lib/machines/good")


def test_set(host, call, own):
    try:
        errors = call("""
            bus.call(*M, "Set", "sasb", "own", ["TasksMax=777", "CPUWeight=55"], False)
            result = [error_of(*M, "Set", "sasb", "own", a, False) for a in ([], ["TasksMax"], ["--persist"], ["-x=1"], ["TasksMax=many"], ["Nonsense=1"])]
            result += [error_of(*M, "Set", "sasb", n, ["TasksMax=9"], False) for n in ("nowhere", "--help")]
        """)
        assert host.ok(f"systemctl show -P TasksMax -P CPUWeight {own.q}").split() == ["777", "55"] or \
            host.ok(f"systemctl show -P CPUWeight -P TasksMax {own.q}").split() == ["55", "777"]
        assert [e[0].split(".")[-1] for e in errors] == ["InvalidArgs"] * 4 + ["Failed"] * 2 + ["NoSuchDefinition", "InvalidArgs"]
        assert "TasksMax" in errors[4][1] and "many" in errors[4][1] and not errors[4][1].startswith("stead")
        assert "Nonsense" in errors[5][1]
        assert "TasksMax" not in host.sh("cat /etc/stead/own.machine /etc/stead/own.machine.d/*.conf")
        call('bus.call(*M, "Set", "sasb", "own", ["TasksMax=778"], True)')
        assert "TasksMax=778" in host.sh("cat /etc/stead/own.machine /etc/stead/own.machine.d/*.conf")
    finally:
        host.ok("rm -rf /etc/stead/own.machine.d; systemctl daemon-reload")


def test_diff_and_apply(host, call, make):
    make("differs").start()
    host.write("/etc/stead/differs.machine.d/tasks.conf", "[Resources]\nTasksMax=555\n")
    try:
        differences, dry, after_dry, applied, none = call("""
            differences = json.loads(bus.call(*M, "Diff", "s", "differs")[0])
            tasks = lambda: os.popen("systemctl show -P TasksMax stead@differs").read().strip()
            dry = wait(bus.call(*M, "Apply", "asb", ["differs"], True)[0])
            after_dry = tasks()
            applied = wait(bus.call(*M, "Apply", "asb", ["differs"], False)[0]), tasks()
            result = differences, dry, after_dry, applied, json.loads(bus.call(*M, "Diff", "s", "differs")[0])
        """)
        assert [(d["key"], d["declared"], d["how"]) for d in differences] == [("TasksMax", "555", "live")]
        assert dry[0] == "done" and json.loads(dry[2])[0]["key"] == "TasksMax"
        assert after_dry != "555" and applied[0][0] == "done" and applied[1] == "555"
        assert none == []
        assert call('result = error_of(*M, "Diff", "s", "nowhere")[0], error_of(*M, "Apply", "asb", ["differs", "nowhere"], True)[0]') == [
            "org.stead1.Error.NoSuchMachine", "org.stead1.Error.NoSuchDefinition"]
    finally:
        host.ok("rm -rf /etc/stead/differs.machine.d; systemctl daemon-reload")


# --- jobs ----------------------------------------------------------------------------------------

def test_start_reboot_and_stop_with_their_signals(host, call, make):
    make("life")
    news = call("""
        bus.match("type='signal',path_namespace='/org/stead1'")
        def follow(job):
            "What a job and its machine said until the end."
            end = wait(job)
            seen = [(m.member, m.path, m.body) for m in bus.signals]
            bus.signals.clear()
            return end, seen, bus.call(job, PROPERTIES, "GetAll", "s", "org.stead1.Job")[0]
        result = [follow(bus.call(*M, "Start", "s", "life")[0])]
        again = error_of(*M, "Start", "s", "life")
        listed = bus.call(*M, "ListMachines")[0]
        result += [follow(bus.call(*M, "Reboot", "s", "life")[0]), follow(bus.call("/org/stead1/machine/life", "org.stead1.Machine", "Stop", "b", False)[0])]
        result += [again, error_of(*M, "Stop", "sb", "life", False), [m[:2] for m in listed]]
    """, timeout=120)
    start, reboot, stop, again, not_running, listed = news
    path = "/org/stead1/machine/life"
    for (end, seen, properties), verb in ((start, "start"), (reboot, "reboot"), (stop, "stop")):
        assert end[0] == "done", (verb, end)
        assert properties["Verb"], properties["Machine"] == (verb, "life")
        assert (properties["Progress"], properties["Result"], properties["UID"]) == (100, "done", 0)
        job = f"/org/stead1/job/{properties['Id']}"
        assert ["JobNew", "/org/stead1", [properties["Id"], job]] in seen
        assert ["JobRemoved", "/org/stead1", [properties["Id"], job, "life", "done"]] in seen
        assert ["Finished", job, ["done"]] in seen
        steps = [b[1]["Progress"] for m, p, b in seen if m == "PropertiesChanged" and p == job and "Progress" in b[1]]
        assert steps == sorted(set(steps)) and len(steps) >= 2 and steps[-1] == 100, steps
        # its texts are told to be new, not what they are
        assert sorted(next(b[2] for m, p, b in seen if p == job and m == "PropertiesChanged" and "Result" in b[1])) == ["Error", "Output"]
    assert ["MachineNew", "/org/stead1", ["life", path]] in start[1]
    states = [b[1]["State"] for m, p, b in start[1] if m == "PropertiesChanged" and p == path and "State" in b[1]]
    assert states == ["running"]
    assert again[0] == "org.stead1.Error.AlreadyRunning"
    assert ["life", "running"] in listed
    assert [m for m, p, b in reboot[1] if m.startswith("Machine")] == ["MachineRemoved", "MachineNew"]
    states = [b[1]["State"] for m, p, b in stop[1] if m == "PropertiesChanged" and p == path and "State" in b[1]]
    assert states == ["stopping"]
    assert ["MachineRemoved", "/org/stead1", ["life", path]] in stop[1]
    assert not_running == ["org.stead1.Error.NoSuchMachine", "Machine 'life' is not running\n  Try: stead start life"]


def test_signals_about_machines_that_others_start_and_kill(host, call, make):
    guest = make("others")
    call_it = host.popen("runuser", "-u", "root", "--", "python3", "-c", PRELUDE + textwrap.dedent("""
        bus.call(*M, "Subscribe")
        bus.match("type='signal',path_namespace='/org/stead1'")
        print("ready", flush=True)
        for member in ("MachineNew", "MachineRemoved"):
            print(bus.signal(member).body, flush=True)
    """))
    assert call_it.stdout.readline() == "ready\n"
    guest.start()
    assert call_it.stdout.readline() == "['others', '/org/stead1/machine/others']\n"
    # the launcher cannot say anything any more, and leaves its state behind
    host.ok(f"kill -KILL {guest.launcher}")
    assert call_it.stdout.readline() == "['others', '/org/stead1/machine/others']\n"
    assert call_it.wait(lab.PATIENCE) == 0


def test_a_job_that_fails_says_why(host, call):
    host.ok("mkdir -p /var/lib/machines/hollow/usr")
    try:
        end, properties = call("""
            job, = bus.call(*M, "Start", "s", "hollow")
            result = wait(job), bus.call(job, PROPERTIES, "GetAll", "s", "org.stead1.Job")[0]
        """)
        assert end[0] == "failed" and "hollow" in end[1]
        assert not end[1].startswith("stead")
        assert properties["Result"] == "failed" and properties["Error"] == end[1]
    finally:
        host.ok("systemctl reset-failed; rm -rf /var/lib/machines/hollow")


def test_one_job_at_a_time_but_stop(host, call, make):
    guest = make("slow")
    # not ready before it is told to be
    host.write("/var/lib/machines/slow/etc/systemd/system/wait.service",
               "[Unit]\nBefore=multi-user.target\n[Service]\nType=oneshot\nExecStart=/bin/sh -c 'while ! test -e /go; do sleep 0.2; done'\n"
               "[Install]\nWantedBy=multi-user.target\n")
    host.ok("mkdir -p /var/lib/machines/slow/etc/systemd/system/multi-user.target.wants; "
            "ln -s ../wait.service /var/lib/machines/slow/etc/systemd/system/multi-user.target.wants/")
    busy, listed, states, cancelled, stopped = call("""
        bus.match("type='signal',path_namespace='/org/stead1'")
        first, = bus.call(*M, "Start", "s", "slow")
        bus.signal("MachineNew")
        busy = [error_of(*M, "Reboot", "s", "slow"), error_of(*M, "Restart", "s", "slow")]
        listed = bus.call(*M, "ListJobs")[0]
        states = bus.get("/org/stead1/machine/slow", "org.stead1.Machine", "State"), bus.get(first, "org.stead1.Job", "Progress")
        bus.call(first, "org.stead1.Job", "Cancel")
        cancelled = wait(first), bus.get("/org/stead1/machine/slow", "org.stead1.Machine", "State"), error_of(first, "org.stead1.Job", "Cancel")[0]
        result = busy, listed, states, cancelled, wait(bus.call(*M, "Stop", "sb", "slow", True)[0])
    """)
    assert [b[0] for b in busy] == ["org.stead1.Error.Busy"] * 2
    assert re.fullmatch(r"Job \d+ \(start\) of machine 'slow' goes on", busy[0][1])
    assert [r[1:3] for r in listed] == [["start", "slow"]]
    assert states == ["starting", 50]
    assert cancelled == [["cancelled", "Cancelled; what was begun goes on", ""], "starting", "org.stead1.Error.NoSuchProcess"]
    assert stopped[0] == "done"
    guest.wait_gone()


def test_a_start_outlives_the_service(host, call, make):
    guest = make("outlives")
    host.ok(f"{CALL} Start s outlives && kill -KILL $(systemctl show -P MainPID steadd)")
    guest.wait_ready()
    assert [r[:2] for r in call('result = bus.call(*M, "ListMachines")[0]') if r[0] == "outlives"] == [["outlives", "running"]]
    assert call('result = wait(bus.call(*M, "Stop", "sb", "outlives", False)[0])')[0] == "done"
    host.ok("systemctl reset-failed steadd 2>/dev/null; true")


def test_kill(host, call, own):
    errors = call("""
        result = [error_of(*M, "Kill", "ssi", "own", "everybody", 9), error_of(*M, "Kill", "ssi", "own", "all", 0),
                  error_of(*M, "Kill", "ssi", "own", "all", 65), error_of(*M, "Kill", "ssi", "nowhere", "all", 9)]
    """)
    assert [e[0].split(".")[-1] for e in errors] == ["InvalidArgs"] * 3 + ["NoSuchMachine"]
    call("""
        r, w = os.pipe()
        p, pid = bus.call(*M, "Exec", "ssasasshhh", "own", "", ["sleep", "100"], [], "", null(), w, w)
        bus.call("/org/stead1/machine/own", "org.stead1.Machine", "Kill", "si", "leader", 9)
        assert bus.call(p, "org.stead1.Process", "Wait") == [137]
    """)
    own.host.wait("! stead status own >/dev/null")


# --- processes -----------------------------------------------------------------------------------

def test_exec(host, call, machine):
    name = machine.name
    runs = call(f"""
        f = os.open("/etc/debian_version", os.O_RDONLY)
        result = [run("{name}", "sh", "-c", "id -u; pwd; echo $A; exit 3", env=["A=b c"], cwd="/usr"),
                  run("{name}", "id", "-un", user="nobody"), run("{name}", "cat", stdin=f), run("{name}", "sh", "-c", "kill -TERM $$"),
                  run("{name}", "/bin/echo", "", "two words", "*")]
    """)
    assert runs[:2] == [[3, "0\n/usr\nb c\n"], [0, "nobody\n"]]
    assert runs[2] == [0, host.sh("cat /etc/debian_version") + "\n"]
    assert runs[3:] == [[143, ""], [0, " two words *\n"]]


def test_exec_says_what_is_wrong(host, call, service):
    errors = call("""
        def begin(argv=["true"], user="", env=[], cwd="", fds=None, name="web"):
            r = error_of(*M, "Exec", "ssasasshhh", name, user, argv, env, cwd, *(fds or (null(), null(), null())))
            return [r[0] and r[0].split(".")[-1], r[1] if r[0] else None]
        import select, socket
        folder, path = os.open("/", os.O_RDONLY), os.open("/etc/debian_version", os.O_PATH)
        epoll, pidfd, memory = select.epoll().fileno(), os.pidfd_open(os.getpid()), os.memfd_create("x")
        reading, writing, pair = null(os.O_RDONLY), null(os.O_WRONLY), socket.socketpair()
        result = dict(
            user=begin(user="nosuch"), command=begin(["nosuch"]), plain=begin(["/etc/passwd"]), none=begin([]), empty=begin([""]),
            relative=begin(cwd="usr"), directory=begin(cwd="/nosuch"), environment=begin(env=["A"]), unnamed=begin(env=["=a"]),
            machine=begin(name="nowhere"), odd=begin(name="a/b"),
            fds=[begin(fds=(bad, null(), null())) for bad in (folder, path, epoll, pidfd, writing)],
            out=begin(fds=(null(), reading, null())), err=begin(fds=(null(), null(), reading)),
            words=begin(["true"] * 5000), long=begin(["true", "x" * 300000]), many=begin(["true"] * 100000), too_long=begin(["true", "x" * 200000]),
            good=[begin(fds=(memory, memory, memory)), begin(fds=(pair[0].fileno(),) * 3), begin(fds=(reading, writing, writing))])
    """)
    names = {k: v[0] for k, v in errors.items() if k not in ("fds", "good", "directory", "too_long")}
    assert names == {"user": "NoSuchUser", "command": "NoSuchCommand", "plain": "NotExecutable", "machine": "NoSuchMachine",
                     **dict.fromkeys(["none", "empty", "relative", "environment", "unnamed", "odd", "out", "err"], "InvalidArgs"),
                     **dict.fromkeys(["long", "many"], "LimitsExceeded"), "words": None}
    assert "nosuch" in errors["user"][1] and "nosuch" in errors["command"][1]
    assert "/nosuch" in errors["directory"][1] and "Argument list too long" in errors["too_long"][1]
    assert [e[0] for e in errors["fds"]] == ["InvalidArgs"] * 5
    assert errors["fds"][0][1] == "Standard input is no stream: a file, pipe, socket or terminal may be passed"
    assert errors["fds"][4][1] == "Standard input is not open for reading"
    assert errors["out"][1] == "Standard output is not open for writing"
    assert errors["good"] == [[None, None]] * 3


def test_process_objects(host, call, service):
    before, after, late, killed = call("""
        bus.match("type='signal',interface='org.stead1.Process'")
        p, pid = bus.call(*M, "Exec", "ssasasshhh", "web", "nobody", ["sleep", "100"], [], "", null(), null(), null())
        get = lambda: bus.call(p, PROPERTIES, "GetAll", "s", "org.stead1.Process")[0]
        before = get()
        assert open(f"/proc/{pid}/comm").read() == "sleep\\n" and before.pop("PID") == pid
        bad = error_of(p, "org.stead1.Process", "Kill", "i", 99)[0]
        bus.call(p, "org.stead1.Process", "Kill", "i", 15)
        killed = bus.signal("Exited", path=p).body, bad, error_of(p, "org.stead1.Process", "Kill", "i", 15)[0]
        result = before, get()["Status"], bus.call(p, "org.stead1.Process", "Wait"), killed
    """)
    before.pop("Id")
    assert before == {"Machine": "web", "User": "nobody", "UID": 0, "Terminal": False, "Status": -1}
    assert (after, late) == (143, [143])
    assert killed == [[143], "org.freedesktop.DBus.Error.InvalidArgs", "org.stead1.Error.NoSuchProcess"]


def test_a_shell_is_a_session_of_the_machines_own(host, call, machine):
    machine.ok("id jane >/dev/null 2>&1 || useradd -m -s /bin/bash jane")
    sessions, properties, kill, status, nobody = call(f"""
        pty, p = bus.call(*M, "OpenShell", "ssasas", "{machine.name}", "jane", [], ["TERM=dumb"])
        # what is typed now is not lost
        os.write(pty, b"loginctl --no-legend >/tmp/seen; read word; exit 9\\n")
        for i in range(100):
            status, sessions = run("{machine.name}", "cat", "/tmp/seen")
            if "jane" in sessions:
                break
            time.sleep(0.2)
        properties = bus.call(p, PROPERTIES, "GetAll", "s", "org.stead1.Process")[0]
        kill = error_of(p, "org.stead1.Process", "Kill", "i", 9)[0]
        os.write(pty, b"go\\n")
        status = bus.call(p, "org.stead1.Process", "Wait")
        result = sessions, properties, kill, status, error_of(*M, "OpenShell", "ssasas", "{machine.name}", "no-such-user", [], [])
    """)
    assert re.search(r"\bjane\b.*\bpts/\d", sessions), sessions
    assert (properties["PID"], properties["User"], properties["Terminal"], properties["Status"]) == (0, "jane", True, -1)
    assert kill == "org.freedesktop.DBus.Error.NotSupported" and status == [9]
    assert nobody == ["org.stead1.Error.NoSuchUser", nobody[1]] and "no-such-user" in nobody[1]


def test_shell_login_and_console(host, call, machine):
    shell, command, login, console = call(f"""
        def read_until(fd, word, seconds=30):
            import select
            text, end = b"", time.monotonic() + seconds
            while word not in text and time.monotonic() < end:
                if select.select([fd], [], [], 0.2)[0]:
                    try:
                        text += os.read(fd, 4096)
                    except OSError:
                        break
            return text.decode(errors="replace")
        pty, p = bus.call(*M, "OpenShell", "ssasas", "{machine.name}", "", [], ["TERM=dumb"])
        os.write(pty, b"tty; echo $TERM-$((40+2)); exit 5\\n")
        shell = read_until(pty, b"dumb-42\\r"), bus.call(p, "org.stead1.Process", "Wait"), bus.get(p, "org.stead1.Process", "Terminal")
        pty, p = bus.call(*M, "OpenShell", "ssasas", "{machine.name}", "nobody", ["/bin/sh", "-c", "id -un; stty size"], [])
        command = read_until(pty, b"zzz", 2), bus.call(p, "org.stead1.Process", "Wait")
        pty, p = bus.call(*M, "OpenLogin", "s", "{machine.name}")
        login = read_until(pty, b"login: ")
        os.close(pty)
        login = login, bus.call(p, "org.stead1.Process", "Wait")
        fd, = bus.call(*M, "OpenConsole", "s", "{machine.name}")
        os.write(fd, b"i\\n")
        result = shell, command, login, read_until(fd, b"login: ")
    """)
    assert re.search(r"/dev/pts/\d+\r\ndumb-42\r", shell[0]) and shell[1:] == [[5], True]
    assert command == ["nobody\r\n0 0\r\n", [0]]
    assert "login: " in login[0] and login[1] != [0]
    # a scope's console is the launcher's terminal, here to be looked at only
    assert "login: " in console or machine.kind == "scope"


# --- who may -------------------------------------------------------------------------------------

CALLS = {  # a call of each method, of whose arguments the polkit rules may see the machine
    "ListDefinitions": ("", ()), "ListMachines": ("", ()), "ListJobs": ("", ()), "GetMachine": ("s", ("web",)),
    "GetMachineByPID": ("u", (1,)), "Start": ("s", ("web",)), "Stop": ("sb", ("web", True)), "Reboot": ("s", ("web",)),
    "Restart": ("s", ("web",)), "Update": ("sb", ("web", False)), "Rollback": ("sub", ("web", 0, False)), "Kill": ("ssi", ("web", "all", 9)), "Check": ("s", ("web",)), "Plan": ("s", ("web",)),
    "Diff": ("s", ("web",)), "Apply": ("asb", (["web"], False)), "Set": ("sasb", ("web", ["TasksMax=99"], False)),
    "Exec": ("ssasasshhh", ("web", "", ["touch", "/root/was-here"], [], "", 0, 0, 0)), "OpenLogin": ("s", ("web",)),
    "OpenShell": ("ssasas", ("web", "", ["touch", "/root/was-here"], [])), "OpenConsole": ("s", ("web",)),
    "Subscribe": ("", ()), "Unsubscribe": ("", ()),
}
MACHINE_CALLS = {"Stop": ("b", (True,)), "Reboot": ("", ()), "Kill": ("si", ("all", 9)), "GetAddresses": ("", ()), "GetOSRelease": ("", ())}


def documented_actions():
    """Method -> action, from the table of the documentation; what is not in it is for looking."""
    actions = {}
    for action, _, methods in re.findall(r"^\| `org\.stead1\.([a-z-]+)` \| (.*?) \| (.*?) \|$", DOCS, re.M):
        for method in re.findall(r"`(\w+)`", methods):
            actions[method] = action
    return actions


def test_the_table_of_calls_is_complete():
    methods = {re.match(r"method (\w+)", line)[1] for line in installed_idl("Manager") if line.startswith("method")}
    assert set(CALLS) == methods
    methods = {re.match(r"method (\w+)", line)[1] for line in installed_idl("Machine") if line.startswith("method")}
    assert set(MACHINE_CALLS) == methods
    policy = ElementTree.parse(lab.TOP / "dbus/org.stead1.policy").getroot()
    assert [a.get("id") for a in policy.findall("action")] == [f"org.stead1.{a}" for a in ACTIONS]


def test_who_is_denied_everything_can_do_nothing(host, call, polkit, service):
    polkit(allow())
    leader = service.leader
    errors = call(f"""
        calls = [("/org/stead1", "org.stead1.Manager", m, s, a) for m, (s, a) in {CALLS!r}.items()]
        calls += [("/org/stead1/machine/web", "org.stead1.Machine", m, s, a) for m, (s, a) in {MACHINE_CALLS!r}.items()]
        calls += [(p, PROPERTIES, "GetAll", "s", (i,)) for p, i in (M, ("/org/stead1/machine/web", "org.stead1.Machine"))]
        calls += [(p, "org.freedesktop.DBus.Introspectable", "Introspect", "", ()) for p in ("/org/stead1", "/org/stead1/machine")]
        result = [(m, error_of(p, i, m, s, *a)) for p, i, m, s, a in calls]
        # nobody hears of the refusal of a call that wants no answer; it must be refused all the same
        for p, i, m, s, a in calls:
            bus.begin(p, i, m, s, *a, flags=wire.NO_REPLY)
        result.append(("Ping", error_of("/org/stead1", "org.freedesktop.DBus.Peer", "Ping")))
    """, user="user")
    assert errors.pop() == ["Ping", [None, []]]
    actions = documented_actions()
    for method, (name, text) in errors:
        action = actions.get(method, "inspect")
        assert (name, text) == ("org.freedesktop.DBus.Error.AccessDenied", f"Not allowed: {method} needs org.stead1.{action}")
    assert service.leader == leader
    assert service.sh("ls /root/was-here").endswith("No such file or directory")
    assert host.ok(f"{CALL} ListJobs") == "a(usso) 0"
    assert "99" not in host.ok(f"systemctl show -P TasksMax {service.q}")


def test_who_is_allowed_can_do_that(host, call, polkit, own):
    polkit(allow("manage-machines", condition="action.lookup('machine') == 'own' && action.lookup('verb') == 'Restart'"))
    others, job, seen = call("""
        others = [error_of(*M, "Stop", "sb", "own", False)[0], error_of(*M, "Restart", "s", "web")[0], error_of(*M, "ListMachines")[0],
                  error_of(*M, "Apply", "asb", ["own", "web"], False)[0]]
        job, = bus.call(*M, "Restart", "s", "own")
        # one's own job may be looked at
        seen = bus.get(job, "org.stead1.Job", "UID"), bus.get(job, "org.stead1.Job", "Verb")
        result = others, wait(job), seen
    """, user="user", timeout=120)
    assert others == ["org.freedesktop.DBus.Error.AccessDenied"] * 4
    assert job == ["done", "", ""] and seen == [1000, "restart"]
    polkit(allow("exec", "login", "inspect"))
    own.wait_ready()
    runs, shell, job, login = call("""
        pty, p = bus.call(*M, "OpenLogin", "s", "own")
        os.close(pty)
        result = (run("own", "id", "-u"), error_of(*M, "OpenShell", "ssasas", "own", "", [], [])[0],
                  error_of(*M, "Stop", "sb", "own", False)[0], bus.call(p, "org.stead1.Process", "Wait") != [0])
    """, user="user")
    assert (runs, login) == ([0, "0\n"], True)
    assert shell == job == "org.freedesktop.DBus.Error.AccessDenied"


def test_jobs_and_processes_of_others(host, call, polkit, make):
    make("others-too").start()
    polkit(allow("inspect"))
    root = host.popen("python3", "-c", PRELUDE + textwrap.dedent("""
        p, pid = bus.call(*M, "Exec", "ssasasshhh", "others-too", "", ["sleep", "1000"], [], "", null(), null(), null())
        job, = bus.call(*M, "Apply", "asb", ["others-too"], True)
        print(p, job, flush=True)
        wait(job)
        bus.call(p, "org.stead1.Process", "Wait", timeout=1000)
    """))
    p, job = root.stdout.readline().split()
    script = f"""
        result = [error_of(*c)[0] for c in (("{p}", "org.stead1.Process", "Kill", "i", 9), ("{p}", "org.stead1.Process", "Wait"),
                  ("{p}", PROPERTIES, "GetAll", "s", "org.stead1.Process"), ("{job}", "org.stead1.Job", "Cancel"),
                  ("{job}", "org.stead1.Job", "Wait"), ("{job}", PROPERTIES, "Get", "ss", "org.stead1.Job", "Output"))]
    """
    assert call(script, user="user") == ["org.freedesktop.DBus.Error.AccessDenied"] * 6
    polkit(allow("exec", "manage-machines"))
    call(f'bus.call("{p}", "org.stead1.Process", "Kill", "i", 9)', user="user")
    assert root.wait(lab.PATIENCE) == 0


def test_without_a_rule_and_without_an_agent(call, polkit, service):
    polkit(None)
    plain, interactive, listed = call("""
        result = (error_of(*M, "Stop", "sb", "web", True), error_of(*M, "Stop", "sb", "web", True, flags=wire.INTERACTIVE),
                  [m[0] for m in bus.call(*M, "ListMachines")[0]])
    """, user="user")
    assert plain == ["org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
                     "Somebody has to be asked: Stop needs org.stead1.manage-machines"]
    assert interactive == ["org.freedesktop.DBus.Error.AccessDenied", "Not allowed: Stop needs org.stead1.manage-machines"]
    assert "web" in listed


def test_with_an_agent_and_a_password(host, call, polkit, make):
    polkit(None)
    make("asked")
    host.ok("id boss >/dev/null 2>&1 || useradd -m -G sudo boss; echo boss:secret | chpasswd")

    def type_password(terminal, password):
        """The agent throws away what was typed before it switched the echo off, which it does after the prompt."""
        text = terminal.expect("Password: ")
        host.wait("stty -a -F /dev/$(ps -o tty= -p $(pgrep -nx pkttyagent)) | grep -qw -- -echo", what="the echo to be off")
        terminal.send(f"{password}\n")
        return text

    def ask(*words):
        """Calls as the user, who sits at a terminal with an agent of polkit."""
        script = ('mkfifo /tmp/agent.$$; pkttyagent --notify-fd 3 --process $$ 3>/tmp/agent.$$ & cat /tmp/agent.$$; rm /tmp/agent.$$; '
                  f'exec {CALL} --allow-interactive-authorization=yes {shlex.join(words)}')
        return lab.Terminal(lab.STEAD, "exec", "-t", host.name, "--", "runuser", "-u", "user", "--", "sh", "-c", script)

    with ask("Start", "s", "asked") as terminal:
        assert "Authentication is required to manage machines (Start asked)." in type_password(terminal, "secret")
        assert "AUTHENTICATION COMPLETE" in terminal.expect("/org/stead1/job/")
    host.wait("test \"$(stead show asked -p State --value)\" = running")
    with ask("Kill", "ssi", "asked", "all", "9") as terminal:
        type_password(terminal, "wrong")
        terminal.expect("Call failed: ")
    assert host.ok("stead show asked -p State --value") == "running"


def test_a_question_ends_with_who_asked(host, call, polkit, service):
    """The connection is closed while polkit thinks; then nothing happens, and the service is idle."""
    slow = "polkit.addRule(function(action, subject) { if (action.id == 'org.stead1.manage-machines') { polkit.spawn(['sleep', '6']); return polkit.Result.YES; } });"
    polkit(slow)
    leader = service.leader
    call.restart("--exit-idle-time=300ms")
    try:
        call("""
            bus.begin(*M, "Kill", "ssi", "web", "all", 9)
            while os.system("pgrep -fx 'sleep 6' >/dev/null"):
                time.sleep(0.05)
        """, user="user")
        host.wait("test $(systemctl show -P ActiveState steadd) = inactive")
        host.wait("! pgrep -fx 'sleep 6'")
        host.sh("sleep 1")
        assert service.leader == leader
        # the same with somebody who waits
        assert call('result = error_of(*M, "Kill", "ssi", "web", "all", 0)', user="user") == [
            "org.freedesktop.DBus.Error.InvalidArgs", "0 is no signal: 1 to 64 are"]
    finally:
        call.restart("--exit-idle-time=5min")


def test_limits_of_one_user(host, call, polkit, service):
    leader = service.leader
    polkit(allow("inspect", "exec", "manage-machines"))
    processes, questions, waits, root = call("""
        fds = null(), null(), null()
        begun = [bus.begin(*M, "Exec", "ssasasshhh", "web", "", ["sleep", "1000"], [], "", *fds) for i in range(34)]
        def outcome(serial):
            try:
                return bus.finish(serial)
            except wire.BusError as e:
                return e.name, e.text
        ends = [outcome(b) for b in begun]
        good = [e for e in ends if e[0].startswith("/")]
        others = [error_of(*M, "ListMachines")[0]]
        p = good[0][0]
        waiting = [bus.begin(p, "org.stead1.Process", "Wait") for i in range(66)]
        waits = [outcome(w) for w in waiting[64:]]
        for g in good:
            bus.call(g[0], "org.stead1.Process", "Kill", "i", 9)
        waits += [outcome(w) for w in waiting[:64]]
        result = [len(good), [e for e in ends if not e[0].startswith("/")]], others, waits, run("web", "true")
    """, user="user")
    many = "org.freedesktop.DBus.Error.LimitsExceeded"
    assert processes == [32, [[many, "User 1000 has 32 processes going on, more are not allowed"]] * 2]
    assert waits == [[many, "User 1000 has 64 waits going on, more are not allowed"]] * 2 + [[137]] * 64
    assert root == [0, ""]
    polkit("polkit.addRule(function(action, subject) { if (action.id == 'org.stead1.inspect') { polkit.spawn(['sleep', '1']); } });")
    ends = call("""
        begun = [bus.begin(*M, "ListJobs") for i in range(66)]
        # one more that is refused although nobody hears of it
        bus.begin(*M, "Kill", "ssi", "web", "all", 9, flags=wire.NO_REPLY)
        result = []
        for b in begun[64:]:
            try:
                bus.finish(b)
            except wire.BusError as e:
                result.append([e.name, e.text])
    """, user="user")
    assert ends == [[many, "User 1000 has 64 authorizations going on, more are not allowed"]] * 2
    assert service.leader == leader


def test_definitions_that_are_not_for_everybody(host, call, polkit):
    polkit(allow("inspect"))
    host.write("/etc/stead/open.machine", "[Exec]\nBoot=maybe\n")
    host.write("/etc/stead/hidden.machine", "[Exec]\nBoot=password\n", mode=0o600)
    host.ok("install -D -m 0644 /dev/null /etc/stead/half.machine; install -D -m 0640 /dev/null /etc/stead/half.machine.d/secret.conf")
    script = """result = [error_of(*M, "Check", "s", n)[0] for n in ("open", "hidden", "half", "", "../hidden")] + [
        error_of(*M, "Plan", "s", "hidden")[0], [r[0] for r in bus.call(*M, "ListDefinitions")[0]]]"""
    denied, bad = "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InvalidArgs"
    try:
        *errors, names = call(script, user="user")
        assert errors == [None, denied, denied, denied, denied, denied]
        assert {"open", "hidden", "half"} <= set(names)
        polkit(allow("inspect", "manage-machines"))
        *errors, names = call(script, user="user")
        assert errors == [None, None, None, None, bad, "org.stead1.Error.BadDefinition"]
        # what lies beside a tree is nobody's to see, as the trees
        host.write("/var/lib/machines/beside.nspawn", "[Exec]\nEnvironment=A=secret\n")
        host.ok("mkdir -p /var/lib/machines/beside")
        polkit(allow("inspect"))
        assert call('result = error_of(*M, "Plan", "s", "beside")[0]', user="user") == denied
        host.ok("rm -r /var/lib/machines/beside*")
        host.ok("rm /etc/stead/hidden.machine; chmod 0644 /etc/stead/half.machine.d/secret.conf")
        assert call(script, user="user")[:4] == [None, "org.stead1.Error.NoSuchDefinition", None, None]
        # a folder on the way counts as well
        host.ok("chmod 0711 /etc/stead/half.machine.d")
        assert call(script, user="user")[2] == denied
    finally:
        host.ok("rm -rf /etc/stead/open.machine /etc/stead/hidden.machine /etc/stead/half.machine*")


# --- what may go wrong ---------------------------------------------------------------------------

ODD_INIT = r"""
use Socket;
open(F, ">/etc/os-release.new") and print F "ID=\377x\nNAME=\"a\300\257\"\nPRETTY_NAME=\"un\nclosed\n=\nBAD" and close(F);
rename("/etc/os-release.new", "/etc/os-release");
socket(S, PF_UNIX, SOCK_DGRAM, 0) and send(S, "READY=1\nSTATUS=odd \377 status", 0, sockaddr_un($ENV{NOTIFY_SOCKET}));
sleep(1000);
"""


def test_texts_of_a_machine_that_are_no_text(host, call):
    """A string that is not UTF-8 would make the bus throw the service out."""
    host.add_guest("odd")
    host.ok(f"{CALL} ListJobs")
    before = call.pid()
    launcher = host.popen("stead-launch", "--quiet", "--register=no", "--notify-ready=yes", "-M", "odd", "--", "/usr/bin/perl", "-e", ODD_INIT)
    try:
        host.wait("stead show odd -p State --value | grep -q running")
        fields, status = call("""
            result = (bus.call("/org/stead1/machine/odd", "org.stead1.Machine", "GetOSRelease")[0],
                      bus.get("/org/stead1/machine/odd", "org.stead1.Machine", "StatusText"))
        """)
        assert fields["ID"] == "\ufffdx" and fields["NAME"] == "a\ufffd\ufffd" and "PRETTY_NAME" not in fields
        assert status == "odd \ufffd status"
        assert call.pid() == before
        assert call('result = wait(bus.call(*M, "Stop", "sb", "odd", True)[0])')[0] == "done"
        assert launcher.wait(lab.PATIENCE) != 0
    finally:
        launcher.kill()
        host.remove_guest("odd")


def test_os_release_that_is_no_file(host, call, own):
    own.ok("rm /etc/os-release; mkfifo /etc/os-release; rm -f /usr/lib/os-release; ln -s /proc/self/fd/0 /usr/lib/os-release")
    assert call('result = bus.call("/org/stead1/machine/own", "org.stead1.Machine", "GetOSRelease")[0]') == {}


def test_a_machine_that_does_not_move(host, call, own):
    """Whoever wants something from inside waits, and not for ever; nobody else does."""
    payload = own.state("ControlGroup")
    host.ok(f"echo 1 >{payload}/cgroup.freeze")
    meanwhile, outcome, waited = call("""
        start = time.monotonic()
        serial = bus.begin(*M, "Exec", "ssasasshhh", "own", "", ["touch", "/root/was-here"], [], "", null(), null(), null())
        time.sleep(0.5)
        before = time.monotonic()
        bus.call(*M, "ListMachines")
        meanwhile = time.monotonic() - before
        try:
            outcome = bus.finish(serial)
        except wire.BusError as e:
            outcome = e.name
        result = meanwhile, outcome, time.monotonic() - start
    """)
    assert meanwhile < 10 and 15 < waited
    assert outcome == "org.stead1.Error.TimedOut"
    host.ok(f"echo 0 >{payload}/cgroup.freeze")
    # nor is it done behind the caller's back
    assert call('result = run("own", "sh", "-c", "sleep 1; test -e /root/was-here")[0]') == 1
    host.wait("test $(wc -l <$(systemctl show -P ControlGroup steadd | sed 's|^|/sys/fs/cgroup|')/cgroup.procs) = 1")


def test_the_bus_is_restarted(make_host):
    host = make_host(guests=["web"])
    caller = Caller(host)
    host.ok("systemctl start stead@web")
    leader = host.ok("stead show web -p Leader --value")
    job = caller("""
        bus.call(*M, "Subscribe")
        p, pid = bus.call(*M, "Exec", "ssasasshhh", "web", "", ["sleep", "1000"], [], "", null(), null(), null())
        os.system("systemctl restart dbus")
        try:
            bus.read(30)
        except wire.Closed:
            result = open(f"/proc/{pid}/comm").read()
    """)
    assert job == "sleep\n"
    host.wait("systemctl is-active --quiet dbus && test $(systemctl show -P ActiveState steadd) = inactive")
    assert host.ok("systemctl show -P Result steadd") == "success"
    assert caller('result = bus.get("/org/stead1/machine/web", "org.stead1.Machine", "Leader")') == int(leader)


def test_a_bus_that_starts_services_itself(host, service):
    """As on a host without systemd; no name of systemd's is on that bus."""
    host.write("/tmp/bus.conf", """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
        "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
        <busconfig><type>session</type><listen>unix:path=/tmp/test-bus</listen><auth>EXTERNAL</auth>
        <servicedir>/usr/share/dbus-1/system-services</servicedir>
        <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>""")
    bus = host.popen("env", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/tmp/test-bus", "dbus-daemon", "--config-file=/tmp/bus.conf", "--nofork")
    try:
        host.wait("test -S /tmp/test-bus")
        done = host.run("busctl", "--address=unix:path=/tmp/test-bus", *CALL.split()[1:], "GetMachine", "s", service.name)
        assert done.stdout == f'o "/org/stead1/machine/{service.name}"\n'
    finally:
        host.ok("pkill -f '^dbus-daemon --config-file=/tmp/bus.conf'")
        bus.wait(lab.PATIENCE)
        # its service has lost its bus, and leaves
        host.wait("! pgrep -x steadd || systemctl is-active --quiet steadd")


def test_no_polkit(make_host):
    host = make_host(masked=["polkit.service"], guests=["web"])
    caller = Caller(host)
    root, user = (caller('result = error_of(*M, "ListJobs")', user=u) for u in ("root", "user"))
    assert root == [None, [[]]]
    assert user[0] == "org.freedesktop.DBus.Error.AccessDenied"
    assert user[1].startswith("Only root may, since ") and user[1].endswith("ListJobs needs org.stead1.inspect")
    assert caller('result = wait(bus.call(*M, "Start", "s", "web")[0])')[0] == "done"


@pytest.mark.parametrize("user", ["root", "user"])
def test_nonsense_does_not_harm_it(host, call, polkit, service, user):
    """Random calls with a fixed seed. The same process is there afterwards, and not much larger."""
    polkit(allow(*ACTIONS) if user == "user" else None)
    leader = service.leader
    host.ok(f"{CALL} ListJobs")
    before, memory = call.pid(), "grep VmRSS /proc/$(systemctl show -P MainPID steadd)/status | tr -dc 0-9"
    seed, rounds = os.environ.get("STEAD_TEST_SEED", "20"), os.environ.get("STEAD_TEST_CALLS", "3000")
    done = host.run("runuser", "-u", user, "--", "python3", "/opt/stead-test/bus_fuzz.py", seed, rounds, timeout=600)
    assert done.returncode == 0, done.stdout
    assert call.pid() == before, done.stdout + host.journal("steadd")[-2000:]
    assert int(host.ok(memory)) < 24 * 1024
    assert service.leader == leader
    # what is left of processes and questions goes away by itself
    assert call('result = run("web", "echo", "alive")') == [0, "alive\n"]
