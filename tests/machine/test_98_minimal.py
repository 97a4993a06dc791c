# SPDX-License-Identifier: LGPL-2.1-or-later
"""stead build elf: trees of nothing but what programs need, which serve all the same."""
import contextlib
import http.server
import json
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time

import pytest

import lab

MEGABYTE = 1000 * 1000


class Builder:
    """`stead build elf` with a /var/lib/machines of the test's own, which is bound over the real one."""

    def __init__(self, where):
        self.where = where
        where.mkdir()

    def command(self, *words, merged=None, path=None):
        """@merged: trees, the uppermost first, that are to be seen as one at /mnt. @path: where it looks for programs."""
        script = 'mount --make-rprivate / && mkdir -p /var/lib/machines && mount --bind "$0" /var/lib/machines && '
        if merged:
            script += f"mount -t overlay -o lowerdir={':'.join(map(str, merged))} none /mnt && "
        script += f'PATH={path}; exec "$@"' if path else 'exec "$@"'
        return ["unshare", "-m", "sh", "-c", script, self.where, lab.STEAD, *words]

    def environment(self):
        return lab.clean_environment(STEAD_STORE=str(self.where / "store"))

    def stead(self, *words, **more):
        return subprocess.run(self.command(*words, **more), text=True, capture_output=True, timeout=lab.PATIENCE, env=self.environment())

    def build(self, name, *words, **more):
        out = self.stead("build", "elf", name, *words, **more)
        assert out.returncode == 0, out.stderr
        return self.where / name, out.stderr

    def fails(self, *words):
        out = self.stead("build", "elf", *words)
        assert out.returncode not in (0, -11, -6), out
        return out.stderr


@pytest.fixture(scope="module")
def builder():
    b = Builder(lab.work / lab.new_name("minimal"))
    yield b
    lab.remove_tree(b.where)


class Hello(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # pylint: disable=invalid-name
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")

    def log_message(self, *_):
        pass


class Words(Hello):
    """Knows one word."""

    def do_GET(self):
        if self.path in ("/", "/hello"):
            super().do_GET()
        else:
            self.send_error(404)


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        return super().get_request()[0], ("local", 0)


@contextlib.contextmanager
def serving(server):
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def certificate(where):
    """An authority's, and its server's in one: for localhost."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", where / "key.pem", "-out", where / "certificate.pem"],
                   check=True, capture_output=True)
    return where / "certificate.pem", where / "key.pem"


def size(tree):
    return sum(p.lstat().st_size for p in tree.rglob("*") if p.is_file() and not p.is_symlink())


def launch(tree, *command, **more):
    return [lab.LAUNCH, "--quiet", "-D", tree, "-M", lab.new_name("min"), "--console=pipe", "--resolv-conf=off",
            "--timezone=off", *more.get("options", ["--private-network"]), *command]


def run(tree, *command, **more):
    return subprocess.run(launch(tree, *command, **more), text=True, capture_output=True, timeout=lab.PATIENCE,
                          stdin=subprocess.DEVNULL, env=lab.clean_environment())


def answer(path, request, until):
    """What a server says at a socket in the file system, up to these words."""
    def try_once():
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            try:
                s.connect(str(path))
            except OSError:
                return None
            s.sendall(request)
            said = b""
            while not said.endswith(until):
                more = s.recv(4096)
                if not more:
                    break
                said += more
            return said
    return lab.wait_for(try_once, what=f"an answer at {path}")


def serve(tree, directory, request, until, *command):
    """Starts a server that listens at a socket of /srv, asks it, and stops it."""
    directory.mkdir(mode=0o777, exist_ok=True)
    os.chmod(directory, 0o777)
    with subprocess.Popen(launch(tree, *command, options=["--private-network", f"--bind={directory}:/srv"]),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=lab.clean_environment()) as process:
        try:
            return answer(directory / "socket", request, until)
        finally:
            process.terminate()
            try:
                process.wait(lab.PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            print(process.stdout.read())


def test_haproxy(builder):
    tree, _ = builder.build("haproxy", "haproxy", "--root", lab.tree("haproxy"), "--user=haproxy")
    print(f"haproxy: {size(tree) / MEGABYTE:.2f} MB")
    directory = builder.where / "socket-haproxy"
    directory.mkdir()
    (tree / "haproxy.cfg").write_text(
        "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"
        "frontend f\n bind unix@/srv/socket mode 777\n default_backend b\nbackend b\n server s unix@/srv/behind\n")
    with serving(UnixServer(str(directory / "behind"), Hello)):
        os.chmod(directory / "behind", 0o777)
        out = serve(tree, directory, b"GET / HTTP/1.0\r\n\r\n", b"hello\n", "/usr/sbin/haproxy", "-W", "-f", "/haproxy.cfg")
    assert b" 200 " in out.splitlines()[0] and out.endswith(b"hello\n"), out
    assert not (tree / "usr/bin").exists() and size(tree) < 25 * MEGABYTE


def test_redis(builder):
    merged = [lab.tree("layer-apps") / "redis", lab.tree("layer-v1")]
    tree, _ = builder.build("redis", "redis-server", "--root", "/mnt", merged=merged)
    print(f"redis: {size(tree) / MEGABYTE:.2f} MB")
    out = serve(tree, builder.where / "socket-redis", b"PING\r\nSET key value\r\nGET key\r\n", b"value\r\n", "/usr/bin/redis-server", "--port", "0", "--unixsocket",
                "/srv/socket", "--unixsocketperm", "777", "--dir", "/tmp")
    assert out == b"+PONG\r\n+OK\r\n$5\r\nvalue\r\n"
    out = builder.stead("build", "elf", "list", "redis-server", "--root", "/mnt", "--json", merged=merged).stdout
    for item in json.loads(out):
        assert item["why"] in ("asked for", "the dynamic loader", "what the tree is") or item["why"].startswith("needed by "), item
    # Debian's is built with TLS and systemd; their libraries are half of it
    assert size(tree) < 18 * MEGABYTE
    optional = ("libcrypto", "libssl", "libsystemd", "libgcrypt", "libgpg-error", "liblzma", "libzstd", "liblz4", "libcap")
    rest = size(tree) - sum(p.stat().st_size for p in tree.rglob("*.so*") if not p.is_symlink() and p.name.startswith(optional))
    print(f"redis without TLS and systemd: {rest / MEGABYTE:.2f} MB")


def test_name_services(builder):
    root = lab.tree("bookworm")
    without, hint = builder.build("names-without", "getent", "--root", root)
    assert "--nss" in hint
    assert run(without, "/usr/bin/getent", "services", "https").returncode == 2, "nothing knows it"
    tree, hint = builder.build("names", "getent", "--root", root, "--nss")
    assert "--nss" not in hint
    assert run(tree, "/usr/bin/getent", "services", "https").stdout.split()[:2] == ["https", "443/tcp"]
    assert run(tree, "/usr/bin/getent", "hosts", "localhost").stdout.split()[1] == "localhost"
    assert run(tree, "/usr/bin/getent", "passwd", "root").stdout.startswith("root:")
    assert not list(tree.rglob("libnss_*")), "this C library has them built in"


def test_name_services_are_modules_of_an_older_library(builder):
    """Also where the first program is a script."""
    tree, _ = builder.build("names-old", "/usr/bin/ldd", "getent", "--root", lab.tree("bullseye"), "--nss")
    assert sorted(p.name for p in tree.rglob("libnss_*.so.2")) == ["libnss_dns.so.2", "libnss_files.so.2"]
    assert run(tree, "/usr/bin/getent", "services", "https").stdout.split()[:2] == ["https", "443/tcp"]
    assert run(tree, "/usr/bin/getent", "hosts", "localhost").stdout.split()[1] == "localhost"


def test_a_load_generator_with_name_services(builder):
    if not shutil.which("wrk"):
        pytest.skip("needs wrk")
    tree, _ = builder.build("wrk", "wrk", "--nss")
    print(f"wrk with name services: {size(tree) / MEGABYTE:.2f} MB")
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello)) as server:
        out = run(tree, "/usr/bin/wrk", "-t1", "-c2", "-d3", "--timeout=30s", f"http://localhost:{server.server_port}/", options=[])
    assert out.returncode == 0 and int(out.stdout.split(" requests in ")[0].split()[-1]) > 0, out
    assert "Socket errors" not in out.stdout and size(tree) < 9.5 * MEGABYTE, out


def test_a_go_program_with_certificates(builder):
    """Of Debian's, which needs the C library and no other; it asks for certificates by itself."""
    if not shutil.which("gobuster"):
        pytest.skip("needs gobuster")
    own = builder.where / "go-root"
    (own / "etc/ssl/certs").mkdir(parents=True)
    path, key = certificate(builder.where)
    bundle = own / "etc/ssl/certs/ca-certificates.crt"
    bundle.write_text(path.read_text())
    (own / "words").write_text("hello\n")
    words = ["gobuster", "--root", "/mnt", "--nss", "--add=/words"]
    with_, _ = builder.build("go", *words, "--certs", merged=[own, "/"])
    without, _ = builder.build("go-without", *words, merged=[own, "/"])
    print(f"a Go program doing HTTPS: {size(with_) / MEGABYTE:.2f} MB")
    assert not list(with_.rglob("libssl*")) and size(with_) < 11 * MEGABYTE
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(path, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Words)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    with serving(server):
        ask = ["/usr/bin/gobuster", "dir", "-q", "-z", "-w", "/words", "-u", f"https://localhost:{server.server_port}/"]
        out = run(with_, *ask, options=[])
        assert out.returncode == 0 and "/hello" in out.stdout and "Status: 200" in out.stdout, out
        out = run(without, *ask, options=[])
        assert out.returncode != 0 and "certificate" in out.stdout + out.stderr, out


def test_character_sets(builder):
    words = ["iconv", "--root", lab.tree("bookworm"), "--add=/etc/os-release"]
    without, hint = builder.build("iconv-without", *words)
    assert "--gconv" in hint
    convert = ["/usr/bin/iconv", "-f", "UTF-8", "-t", "EBCDIC-US", "/etc/os-release"]
    assert run(without, *convert).returncode != 0
    tree, _ = builder.build("iconv", *words, "--gconv")
    for charset in ("ISO-8859-2", "CP037", "EUC-JP"):
        out = subprocess.run(launch(tree, *convert[:4], charset, convert[5]), capture_output=True, timeout=lab.PATIENCE,
                             stdin=subprocess.DEVNULL, env=lab.clean_environment())
        text = (lab.tree("bookworm") / "etc/os-release").read_text()
        assert out.returncode == 0 and out.stdout == text.encode({"ISO-8859-2": "iso8859-2", "CP037": "cp037", "EUC-JP": "euc-jp"}[charset]), out
    print(f"iconv with character sets: {size(tree) / MEGABYTE:.2f} MB")


def test_a_script_brings_its_interpreter(builder):
    root = lab.copy_tree("bookworm")
    script = root / "usr/local/bin/greet"
    for i, words in enumerate(("perl", "-S perl -w", "-S -u HOME A=b perl -w", "-Sperl -w")):
        script.write_text(f"#!/usr/bin/env {words}\nprint 6 * 7, \"\\n\";\n")
        script.chmod(0o755)
        tree, _ = builder.build(f"script{i}", "greet", "--root", root)
        assert run(tree, "/usr/local/bin/greet").stdout == "42\n"
    print(f"perl: {size(tree) / MEGABYTE:.2f} MB")
    lab.remove_tree(root)


def compiled(path, source, *words, where):
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([os.environ.get("CC", "cc"), "-o", path, "-x", "c", "-", "-x", "none", *words],
                   input=source, text=True, check=True, cwd=where)


@pytest.fixture(scope="module")
def opt():
    """/opt of a tree to take things from."""
    root = lab.copy_tree("bookworm")
    (root / "opt").mkdir(exist_ok=True)
    yield root / "opt"
    lab.remove_tree(root)


def runs(builder, opt, name, program):
    tree, _ = builder.build(name, f"/opt/{program}", "--root", opt.parent)
    out = run(tree, f"/opt/{program}")
    assert out.returncode == 0, out


@pytest.mark.parametrize("place", ["lib/x86_64-linux-gnu", "lib64"])
def test_libraries_where_tokens_lead(builder, opt, place):
    """The loader of Debian takes the first for $LIB, others the second."""
    where = opt / place.replace("/", "-")
    compiled(where / place / "libinner.so", "int inner(void) { return 0; }", "-shared", "-Wl,-soname,libinner.so", where=opt)
    compiled(where / "bin/program", "int inner(void); int main(void) { return inner(); }",
             place + "/libinner.so", "-Wl,-rpath,${ORIGIN}/../$LIB", where=where)
    program = f"/{where.relative_to(opt.parent)}"
    out = builder.stead("build", "elf", "list", f"{program}/bin/program", "--root", opt.parent, "--list")
    assert f"{program}/{place}/libinner.so" in out.stdout, out


def test_libraries_that_are_needed_by_a_path(builder, opt):
    where = opt / "path"
    compiled(where / "lib/libinner.so", "int inner(void) { return 0; }", "-shared", "-Wl,-soname,$ORIGIN/../lib/libinner.so",
             where=opt)
    compiled(where / "bin/program", "int inner(void); int main(void) { return inner(); }", "lib/libinner.so", where=where)
    runs(builder, opt, "path", "path/bin/program")


def test_the_origin_of_a_library_is_where_its_link_is(builder, opt):
    """As in a package that has its libraries elsewhere and a folder of links to them."""
    where = opt / "origin"
    compiled(where / "lib/libinner.so", "int inner(void) { return 0; }", "-shared", "-Wl,-soname,libinner.so", where=opt)
    compiled(where / "store/libouter.so.1", "int inner(void); int outer(void) { return inner(); }", "-shared",
             "-Wl,-soname,libouter.so", "lib/libinner.so", "-Wl,-rpath,$ORIGIN", where=where)
    (where / "lib/libouter.so").symlink_to("../store/libouter.so.1")
    compiled(where / "bin/program", "int outer(void); int main(void) { return outer(); }", "lib/libouter.so",
             "-Wl,-rpath,$ORIGIN/../lib", "-Wl,-rpath-link,lib", where=where)
    runs(builder, opt, "origin", "origin/bin/program")


def test_libraries_that_only_the_cache_knows(builder, opt):
    root, where = opt.parent, opt / "cached"
    compiled(where / "libinner.so.1", "int inner(void) { return 0; }", "-shared", "-nostdlib", "-Wl,-soname,libinner.so.1", where=opt)
    compiled(opt / "with-cache", "int inner(void); int main(void) { return inner(); }", "cached/libinner.so.1", where=opt)
    compiled(opt / "alone", "int inner(void); void _start(void) { inner(); }", "-nostdlib", "cached/libinner.so.1", where=opt)
    conf = root / "etc/ld.so.conf.d/cached.conf"
    conf.write_text("/opt/cached\n")
    subprocess.run(["ldconfig", "-r", root], check=True)
    conf.unlink()
    runs(builder, opt, "cached", "with-cache")
    tree = builder.where / "cached"
    assert (tree / "etc/ld.so.conf").read_text() == "/opt/cached" and not (tree / "var/cache").exists()
    out = subprocess.run(["ldconfig", "-r", tree, "-p"], capture_output=True, text=True, check=True).stdout
    assert "libinner.so.1 (libc6,x86-64) => /opt/cached/libinner.so.1" in out
    # of another architecture, for which the host's ldconfig has no eyes
    for file in (where / "libinner.so.1", opt / "alone"):
        with open(file, "r+b") as f:
            f.seek(18)
            f.write((183).to_bytes(2, "little"))
    tree, _ = builder.build("cached-foreign", "/opt/alone", "--root", root)
    assert b"\0/opt/cached/libinner.so.1\0" in (tree / "etc/ld.so.cache").read_bytes()


def test_threads_that_are_ended(builder, opt):
    """glibc aborts the program if it has not what that takes, which no ELF file names."""
    compiled(opt / "threads", """
#include <pthread.h>
static void *work(void *nothing) { pthread_exit(nothing); }
int main(void)
{
        pthread_t t;
        return pthread_create(&t, 0, work, 0) || pthread_join(t, 0);
}""", where=opt)
    runs(builder, opt, "threads", "threads")


def test_links_of_the_source_do_not_lead_out(builder):
    """What is written into the new tree is written there, also where a link of the source tree is on the way."""
    root, outside = builder.where / "leading-out-root", builder.where / "outside"
    inside = root / str(outside)[1:]
    for directory in (outside, inside / "cache/ldconfig", root / "usr/bin"):
        directory.mkdir(parents=True)
    (outside / "cache/ldconfig").mkdir(parents=True)
    (outside / "cache/ldconfig/aux-cache").write_text("host")
    (outside / "passwd").write_text("host")
    before = sorted((p, p.stat().st_mtime) for p in outside.rglob("*"))
    for link in ("etc", "var"):
        (root / link).symlink_to(outside)
    (inside / "os-release").write_text("ID=out")
    (inside / "passwd").write_text("root::0:0::/:/bin/sh\n")
    (inside / "cache/ldconfig/aux-cache").write_text("tree")
    shutil.copy(lab.tree("static") / "sbin/init", root / "usr/bin/program")
    tree, _ = builder.build("leading-out", "program", "--root", root, "--add=/var/cache/ldconfig")
    assert sorted((p, p.stat().st_mtime) for p in outside.rglob("*")) == before
    new = tree / str(outside)[1:]
    assert (new / "passwd").read_text() == "root::0:0::/:/bin/sh\n" and (new / "tmp").is_dir()


def test_a_static_program_is_all(builder):
    root = lab.tree("static")
    program = next(p for p in ("/init", "/sbin/init") if (root / p[1:]).exists())
    tree, _ = builder.build("static", program, "--root", root)
    files = [p for p in tree.rglob("*") if p.is_file() and not p.is_symlink()]
    assert {str(p.relative_to(tree)) for p in files} <= {program[1:], "sbin/init", "etc/passwd", "etc/group", "usr/lib/os-release",
                                                         "etc/os-release"}
    with lab.Machine(tree) as m:
        assert m.state()["ROOT"] == str(tree)


def test_the_list_says_why(builder):
    out = builder.stead("build", "elf", "list", "redis-server", "--root", lab.tree("layer-v1"), "--json")
    assert out.returncode != 0 and "There is no program 'redis-server'" in out.stderr
    out = builder.stead("build", "elf", "list", "getent", "--root", lab.tree("bookworm"), "--json")
    items = {i["path"]: i for i in json.loads(out.stdout)}
    libc = next(i for p, i in items.items() if p.endswith("libc.so.6"))
    assert libc["why"] == "needed by /usr/bin/getent" and libc["type"] == "file"
    assert items["/lib64"]["type"] == "link" and items["/lib64"]["target"] == "usr/lib64"
    assert not (builder.where / "list").exists()


def test_what_is_missing_is_named_and_nothing_is_left(builder):
    root = builder.where / "broken-root"
    (root / "usr/bin").mkdir(parents=True)
    shutil.copy(lab.tree("bookworm") / "usr/bin/getent", root / "usr/bin")
    err = builder.fails("broken", "getent", "--root", root)
    assert "ld-linux" in err or "libc.so.6" in err
    (root / "usr/bin/text").write_text("text")
    assert "not an ELF file" in builder.fails("broken", "text", "--root", root)
    (root / "tmp").mkdir()
    shutil.copy(lab.tree("static") / "sbin/init", root / "tmp/program")
    err = builder.fails("broken", "/tmp/program", "--root", root)
    assert "a machine mounts its own /tmp" in err and "cp /tmp/program /usr/local/bin" in err
    assert not (builder.where / "broken").exists()


def test_a_layer_has_versions(builder):
    words = ["build", "elf", "--layer", "site/getent", "getent", "--root", lab.tree("bookworm")]
    first = builder.stead(*words)
    time.sleep(1.1)  # what is made and not copied has a time of its own
    again, more = builder.stead(*words), builder.stead(*words, "--nss", "-m", "with names")
    assert first.returncode == 0 and first.stderr.startswith("Built layer site/getent@"), first
    assert "Unchanged: layer site/getent@" in again.stderr, again
    assert more.returncode == 0 and "Built layer" in more.stderr, more
    log = builder.stead("layer", "log", "site/getent").stdout
    assert "with names" in log, log


def test_what_is_added_brings_its_libraries(builder):
    root = builder.where / "add-root"
    for directory in ("usr/bin", "usr/lib/modules.d", "usr/share", "etc/ssl/certs"):
        (root / directory).mkdir(parents=True)
    base = lab.tree("bookworm")
    shutil.copy(lab.tree("static") / "sbin/init", root / "usr/bin/program")
    library = next(base.glob("usr/lib/*/libcrypt.so.1.*"))
    shutil.copy(library, root / "usr/lib/modules.d/module.so")
    shutil.copy(next(base.glob("usr/lib/*/libc.so.6")), root / "usr/lib/libc.so.6")
    shutil.copy(next(base.glob("usr/lib/*/ld-linux*")), root / "usr/lib")
    (root / "lib64").symlink_to("usr/lib")
    err = builder.fails("certs", "program", "--root", root, "--certs")
    assert "ca-certificates.crt" in err and "apt-get install ca-certificates" in err
    (root / "etc/ssl/certs/ca-certificates.crt").write_text("certificates")
    tree, _ = builder.build("certs", "program", "--root", root, "--certs", "--add=/usr/lib/modules.d")
    assert (tree / "etc/ssl/certs/ca-certificates.crt").exists() and (tree / "usr/lib/modules.d/module.so").exists()
    assert (tree / "usr/lib/libc.so.6").exists(), "the module needs it"
    assert not (tree / "usr/share").exists()


def inside(image, path):
    """Owner, mode, time and capabilities of a file, as the host sees it."""
    script = ("import os, sys; s = os.lstat(sys.argv[1]); "
              "print(s.st_uid, s.st_gid, oct(s.st_mode), s.st_mtime_ns, os.getxattr(sys.argv[1], 'security.capability').hex())")
    out = subprocess.run(["unshare", "-m", "sh", "-c", 'mount -o ro,loop "$1" /mnt && exec python3 -c "$2" "/mnt/$3"', "sh", image, script, path],
                         text=True, capture_output=True, check=True).stdout.split()
    return [int(out[0]), int(out[1]), out[2], int(out[3]), out[4]]


@pytest.mark.parametrize("kind, tool", [("squashfs", "mksquashfs"), ("erofs", "mkfs.erofs")])
def test_a_disk_image(builder, kind, tool):
    if not shutil.which(tool):
        pytest.skip(f"needs {tool}")
    root = lab.copy_tree("bookworm", links=False)
    program = root / "usr/bin/getent"
    capability = bytes.fromhex("0000000200040000000000000000000000000000")
    os.chown(program, 123, 456)
    os.chmod(program, 0o751)
    os.setxattr(program, "security.capability", capability)
    os.utime(program, (1_000_000_000, 1_000_000_000))
    names = [lab.new_name("image") for _ in range(2)]
    for name in names:
        out = builder.stead("build", "elf", name, "getent", "--root", root, "--nss", f"--image={kind}")
        assert out.returncode == 0 and f"Built image '{name}'" in out.stderr, out
        time.sleep(1.1)
    first, second = (builder.where / f"{name}.raw" for name in names)
    assert first.read_bytes() == second.read_bytes(), "equal trees make equal images"
    assert first.stat().st_mode & 0o777 == 0o600, "files of users are in it"
    tree, _ = builder.build(f"beside-{kind}", "getent", "--root", root, "--nss")
    print(f"getent with name services, {kind}: {first.stat().st_size / MEGABYTE:.2f} MB; tree: {size(tree) / MEGABYTE:.2f} MB")
    assert first.stat().st_size < size(tree) * 0.7
    uid, gid, mode, when, found = inside(first, "usr/bin/getent")
    assert (uid, gid, mode, found) == (123, 456, "0o100751", capability.hex())
    assert when == 1_000_000_000 * 10**9 or kind == "erofs", "erofs-utils before 1.8 knows one time only"
    out = builder.stead("run", names[0], "--", "/usr/bin/getent", "services", "https")
    assert out.returncode == 0 and out.stdout.split()[:2] == ["https", "443/tcp"], out
    out = builder.stead("build", "elf", names[0], "getent", "--root", root)
    assert out.returncode != 0 and f"{names[0]}.raw' already" in out.stderr, out
    lab.remove_tree(tree)
    lab.remove_tree(root)


def test_an_image_is_verified_and_asks_for_its_tool(builder):
    words = ["getent", "--root", lab.tree("bookworm"), "--image=squashfs"]
    out = builder.stead("build", "elf", "unseen", *words, "--verify", "--", "getent", "services", "https")
    assert out.returncode == 1 and "--nss" in out.stdout
    out = builder.stead("build", "elf", "unseen", *words, "--layer")
    assert out.returncode == 2 and "no image" in out.stderr
    out = builder.stead("build", "elf", "unseen", *words[:-1], "--image=ext4")
    assert out.returncode == 2 and "squashfs or erofs" in out.stderr
    out = builder.stead("build", "elf", "unseen", *words, path="/nonexistent")
    assert out.returncode == 1 and "'mksquashfs'" in out.stderr and "apt-get install squashfs-tools" in out.stderr, out
    assert not [p.name for p in builder.where.iterdir() if "unseen" in p.name]
