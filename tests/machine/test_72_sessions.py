# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead shell and login as sessions of the machine: PAM, logind, exit statuses, and what is done without them."""
import os
import re
import signal
import time

import pytest

import lab
from test_50_verbs import Terminal, forget, show, stead

PROMPT = r"[#$] "


@pytest.fixture(scope="module", params=lab.DEBIANS)
def box(request):
    """A machine with systemd and logind, a user with a password, and one that PAM refuses."""
    name = lab.new_name("s" + request.param[:4])
    stead("create", "-q", name, f"--from={lab.tree(request.param)}")
    stead("start", name)
    sh(name, "useradd -m -s /bin/bash jane; echo jane:secret | chpasswd; useradd -m -s /bin/bash old; chage -E 0 old")
    yield name
    forget(name)


def sh(name, script, status=0):
    return stead("exec", name, "--", "sh", "-c", f"exec 2>&1; {script}", status=status).stdout.rstrip("\n")


def sessions(name):
    """Users with a session on a terminal, as logind has them."""
    found = []
    for line in sh(name, "loginctl list-sessions --no-legend --no-pager").splitlines():
        session = line.split()[0]
        text = sh(name, f"loginctl show-session {session} 2>/dev/null", status=None)
        properties = dict(p.split("=", 1) for p in text.splitlines() if "=" in p)
        if properties.get("TTY") and properties.get("State") != "closing":
            found.append((properties["Name"], properties["TTY"], properties["Service"]))
    return found


def units(name):
    return sh(name, "systemctl list-units --all --no-legend --plain 'container-shell@*' 'container-login@*' | cut -d' ' -f1").split()


def wait_nothing_left(name):
    def gone():
        left[:] = units(name) + sessions(name)
        return not left
    left = []
    lab.wait_for(gone, what=left)


def session(*words, rows=(40, 150)):
    t = Terminal(*words)
    t.resize(*rows)
    return t


def test_shell_is_a_session(box):
    t = session("shell", f"jane@{box}")
    t.expect(PROMPT)
    assert sessions(box) == [("jane", "pts/1", "login")]
    assert re.fullmatch(r"container-shell@1-[0-9a-f]{8}\.service", units(box)[0])
    t.type("echo $XDG_SESSION_ID,$XDG_RUNTIME_DIR,$0,$PWD,$TERM; cat /proc/self/cgroup; tty; stat -c %U $(tty)\n")
    t.expect(r"[a-z0-9]+,/run/user/1000,-bash,/home/jane,vt100")
    t.expect(r"0::/user.slice/user-1000.slice/session-\w+.scope")
    t.expect(r"/dev/pts/1\r\njane\r")
    t.type("systemctl --user is-active default.target; stty size\n")
    t.expect("active\r\n40 150")
    t.type("exit 42\n")
    assert t.wait() == 42
    wait_nothing_left(box)


@pytest.mark.parametrize("keys, status", [("exit 0\n", 0), ("exit 255\n", 255), ("kill -9 $$\n", 137), ("kill -HUP $$\n", 129),
                                          ("exit 217\n", 217), ("\x04", 0)])
def test_shell_status(box, keys, status):
    t = session("shell", box)
    t.expect("# ")
    t.type(keys)
    assert t.wait() == status
    wait_nothing_left(box)


def test_shell_session_with_a_command(box):
    """Through PAM only if that is asked for: a command as such starts at once, as by exec."""
    script = "echo ${XDG_SESSION_ID:-none}; exit 6"
    assert stead("shell", f"jane@{box}", script, status=6).stdout == "none\n"
    assert re.search(r"^(c?\d+)\r?$", stead("shell", "--session", f"jane@{box}", script, status=6).stdout, re.M)
    p = stead("shell", "--session", f"jane@{box}", "systemctl", "--user", "is-active", "default.target")
    assert p.stdout.strip() == "active"
    assert stead("shell", "--session", "-e", "A=b c", box, "printf", "<%s>", "x y", "it's", "$A").stdout == "<x y><it's><$A>"
    assert stead("shell", "--session", "-e", "A=b c", box, 'echo "$A"').stdout.strip() == "b c"
    # what is piped in waits for the terminal
    p = stead("shell", "--session", box, input="echo got $((40+2)); exit 7\n", status=7)
    assert "got 42" in p.stdout
    wait_nothing_left(box)


def test_shell_direct(box):
    t = session("shell", "--direct", box)
    t.expect("# ")
    assert sessions(box) == []
    t.type("tail -n 1 /proc/self/cgroup; exit 2\n")
    t.expect("0::/stead-exec")
    assert t.wait() == 2
    wait_nothing_left(box)
    assert "exclude each other" in stead("shell", "--direct", "--session", box, status=2).stderr


def test_shell_says_who_is_refused(box):
    """A refusal is not gone around behind the admin's back."""
    for words in (["shell", f"old@{box}"], ["shell", "--session", f"old@{box}"]):
        t = session(*words)
        status = t.wait()
        assert status == 125 and b"PAM refuses it" in t.output and b"--direct" in t.output, t.output
    t = session("shell", f"nosuch@{box}")
    assert t.wait() == 125 and b"no user 'nosuch'" in t.output
    wait_nothing_left(box)


def test_leaving_ends_the_session(box):
    t = session("shell", box)
    t.expect("# ")
    t.type("sleep 4321\n")
    lab.wait_for(lambda: sh(box, "pgrep -f 'sleep 4321' || true"), what="sleep in the machine")
    t.type("\x1d\x1d\x1d")
    t.expect("Left machine")
    assert t.wait() == 0
    wait_nothing_left(box)
    lab.wait_for(lambda: not sh(box, "pgrep -x sleep || true"), what="the end of sleep")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_killing_stead_ends_the_session(box, how):
    t = session("shell", box)
    t.expect("# ")
    os.kill(t.pid, how)
    assert t.wait() in (143, -9)
    wait_nothing_left(box)


def test_window_size_follows(box):
    t = session("shell", box)
    t.expect("# ")
    t.resize(33, 77)
    t.type("until [ \"$(stty size)\" = '33 77' ]; do sleep 0.1; done; echo re''sized; exit\n")
    t.expect("resized")
    t.wait()
    wait_nothing_left(box)


def test_systemd_may_execute_itself_anew(box):
    """As it does in an upgrade. The session goes on, and its status is not lost."""
    def status():
        t = session("shell", box)
        t.expect("# ")
        t.type("systemctl daemon-reexec; echo re''executed\n")
        t.expect("reexecuted")
        time.sleep(1)  # stead looks every 250 ms whether systemd is back, and on a busy host later
        t.type("exit 5\n")
        found = t.wait()
        wait_nothing_left(box)
        return found
    # of what ended before it looked nobody knows how
    assert 5 in (status() for _ in range(3))


def test_login_is_a_session(box):
    t = session("login", box)
    t.expect("login: ")
    assert re.fullmatch(r"container-login@1-[0-9a-f]{8}\.service", units(box)[0])
    t.type("jane\n")
    t.expect("[Pp]assword: ")
    t.type("secret\n")
    t.expect(r"\$ ")
    assert sessions(box) == [("jane", "pts/1", "login")]
    t.type("exit 3\n")
    t.wait()
    wait_nothing_left(box)


def test_login_with_a_wrong_password_asks_again(box):
    t = session("login", box)
    t.expect("login: ")
    t.type("jane\n")
    t.expect("[Pp]assword: ")
    t.type("wrong\n")
    t.expect("incorrect")
    t.expect("login: ")
    t.type("\x1d\x1d\x1d")
    t.expect("Left machine")
    t.wait()
    wait_nothing_left(box)


def test_over_the_bus_where_systemd_has_no_socket(box):
    sh(box, "mv /run/systemd/private /run/systemd/away")
    try:
        t = session("shell", f"jane@{box}")
        t.expect(PROMPT)
        assert sessions(box) == [("jane", "pts/1", "login")]
        t.type("exit 8\n")
        assert t.wait() == 8
    finally:
        sh(box, "mv /run/systemd/away /run/systemd/private")
    wait_nothing_left(box)


def test_without_an_answer_it_is_entered_directly(box):
    """A systemd that hangs costs two seconds, not the shell."""
    leader = int(show(box, "Leader"))
    os.kill(leader, signal.SIGSTOP)

    def seconds():
        begun = time.monotonic()
        t = session("shell", box)
        t.expect("# ")
        took = time.monotonic() - begun
        t.type("tail -n 1 /proc/self/cgroup; exit 4\n")
        t.expect("0::/stead-exec")
        assert t.wait() == 4
        return took
    try:
        lab.promised(10, seconds)
        t = session("shell", "--session", box)
        assert t.wait() == 125 and b"Connection timed out" in t.output
    finally:
        os.kill(leader, signal.SIGCONT)
    wait_nothing_left(box)


def test_a_machine_that_does_not_get_on_is_entered_directly():
    """systemd holds sessions back until basic.target; whoever wants to see why it hangs does not wait."""
    tree = lab.copy_tree("bookworm")
    (tree / "etc/systemd/system/stuck.service").write_text(
        "[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\n[Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=sleep 1000\n")
    wants = tree / "etc/systemd/system/sysinit.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "stuck.service").symlink_to("../stuck.service")
    m = lab.Machine(tree).spawn()
    try:
        lab.wait_for(lambda: m.sh("systemctl is-active systemd-journald") == "active", what="systemd to be up")
        t = session("shell", m.name)
        t.expect("# ")
        t.type("tail -n 1 /proc/self/cgroup; exit 4\n")
        t.expect("0::/stead-exec")
        assert t.wait() == 4
        p = stead("shell", "--session", m.name, "true", status=125)
        assert "still booting" in p.stderr, p.stderr
        assert m.sh("systemctl list-jobs --no-legend | grep container-shell || echo none") == "none"
    finally:
        m.kill()
        lab.remove_tree(tree)


@pytest.mark.parametrize("tree", ["sysvinit", "runit"])
def test_other_inits_are_entered_directly(tree):
    with lab.Machine(lab.copy_tree(tree)) as m:
        t = session("shell", m.name)
        t.expect("# ")
        t.type("exit 9\n")
        assert t.wait() == 9
        p = stead("shell", "--session", m.name, "true", status=125)
        assert "does not run systemd" in p.stderr


def test_the_end_of_the_machine_ends_the_session():
    name = lab.new_name("send")
    stead("create", "-q", name, f"--from={lab.tree('bookworm')}")
    stead("start", name)
    try:
        t = session("shell", name)
        t.expect("# ")
        stead("stop", "--force", name)
        assert t.wait() in (129, 137)
    finally:
        forget(name)
