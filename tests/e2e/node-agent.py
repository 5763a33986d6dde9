#!/usr/bin/env python3
"""The node's agent on this host, below a directory of its own, in mount and network namespaces of its own. Prints TAP.

usage: node-agent.py YAGURA YAGURA_AGENT YAGURA_RUN
"""
import hashlib
import ctypes
import gzip
import http.client
import io
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tarfile
import tempfile
import time

from tap import PATIENCE, Tap, within

TESTS = 88


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


if "YAGURA_TEST_INSIDE" not in os.environ:
    print("TAP version 13", flush=True)
    if os.geteuid():
        skip("needs root")
    for need in ["unshare", "ip", "openssl", "busybox", "zstd"]:
        if not shutil.which(need):
            skip(f"{need} is not installed")
    if "erofs" not in open("/proc/filesystems").read().split():
        skip("this kernel has no EROFS")
    os.environ["YAGURA_TEST_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--net", "--propagation", "private", sys.executable, os.path.abspath(__file__),
                          *map(os.path.abspath, sys.argv[1:])])

yagura, agent_program, run_program = sys.argv[1:4]
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
work = tempfile.mkdtemp()
os.chdir(work)
sock = work + "/s"
environment = dict(os.environ, YAGURA_DATA=work + "/yagura-data", YAGURA_CACHE=work + "/cache")


tap = Tap()
report = tap.ok


def check(name, got, want):
    return tap.equal(got, want, name)


# ---- the agent ----

def start(*more):
    global agent, log
    log = open("agent.log", "ab")
    agent = subprocess.Popen(["bin/yagura-agent", "--data", work + "/data", "--run", "/run/yagura", "--lib", work + "/lib", "--unix",
                              sock, "--address", "127.0.0.1", "--verify-once", "--profile", "", "--init-pid", str(init.pid), *more],
                             stdout=log, stderr=log)
    if not within(lambda: os.path.exists(sock) and raw(b"") is not None):
        print("Bail out! the agent does not start:", open("agent.log").read())
        sys.exit(1)


def stop(how=signal.SIGTERM):
    agent.send_signal(how)
    status = agent.wait(timeout=PATIENCE)
    if os.path.exists(sock):
        os.unlink(sock)
    return status


def raw(request, wait=PATIENCE, pause=0.0):
    """The whole answer to these bytes, None when nobody listens."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(wait)
    try:
        s.connect(sock)
    except OSError:
        return None
    if not request:
        return b""
    try:
        for piece in request if isinstance(request, list) else [request]:
            s.sendall(piece)
            time.sleep(pause)
    except BrokenPipeError:
        pass
    answer = b""
    try:
        while more := s.recv(65536):
            answer += more
    except (ConnectionResetError, TimeoutError):
        pass
    return answer


def status(answer):
    return int(answer.split(b" ")[1]) if answer and answer.startswith(b"HTTP/1.1 ") else 0


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(sock)


def ask(method, path, body=None):
    c = Unix("node")
    c.request(method, path, body)
    a = c.getresponse()
    text = a.read()
    c.close()
    return a.status, text


def get(path):
    return json.loads(ask("GET", path)[1])


def node(*args, address="unix:" + sock):
    return subprocess.run([yagura, "-q", "node", args[0], "--node", address, *args[1:]], capture_output=True, text=True, env=environment)


def pod(name, *containers, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": list(containers), **spec}}


def container(name, *command, **more):
    return {"name": name, "image": "demo/box", "command": list(command), **more}


def apply(p):
    return ask("PUT", "/v1/pods/" + p["metadata"]["name"], json.dumps(p))


def state(name):
    code, text = ask("GET", "/v1/pods/" + name)
    return json.loads(text) if code == 200 else {"state": "none", "containers": []}


def is_in(name, *states):
    return lambda: state(name) if state(name)["state"] in states else None


def printed(name):
    return ask("GET", "/v1/logs/" + name)[1].decode()


# ---- what it is given ----

os.makedirs("bin")
os.makedirs("lib")
os.makedirs("data/home/shared")
shutil.copy(agent_program, "bin/yagura-agent")
shutil.copy(run_program, "bin/yagura-run")
init = subprocess.Popen(["sh", "-c", "trap 'echo TERM >>signals' TERM; trap 'echo USR2 >>signals' USR2; while :; do sleep 0.1; done"])


def certificate(name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key",
                    "-out", name + ".pem", "-subj", "/CN=" + name, "-days", "2"], check=True, capture_output=True)


certificate("operator")
certificate("stranger")
open("lib/spec.json", "w").write(json.dumps({
    "version": 1, "name": "demo", "release": "1.0", "hostname": "demo",
    # Ports of vsock know no namespaces: this machine's are left alone (node-vsock.sh has a machine of its own).
    "agent": {"tcp": 7443, "vsock": 0, "clients": [open("operator.pem").read()]}}))

layer = "layer/"
for d in ["bin", "etc", "proc", "sys", "dev", "tmp", "data"]:
    os.makedirs(layer + d)
shutil.copy(shutil.which("busybox"), layer + "bin/busybox")
for a in ["sh", "cat", "echo", "sleep", "httpd", "dd", "id", "wget", "yes", "head", "mkdir", "seq"]:
    os.symlink("busybox", layer + "bin/" + a)
open(layer + "etc/passwd", "w").write("root:x:0:0::/:/bin/sh\nweb:x:100:101::/:/bin/sh\n")
for f in ["hosts", "resolv.conf"]:
    open(layer + "etc/" + f, "w").close()
with tarfile.open("layer.tar", "w") as t:
    t.add("layer", ".")


def pack_image(name, blob, plain, **config):
    """An archive of one layer: `blob` as it lies there, `plain` what it unpacks to."""
    digest = hashlib.sha256(plain).hexdigest()
    parts = {"config.json": json.dumps({"architecture": "amd64", "os": "linux", "config": config,
                                        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]}}).encode(),
             "manifest.json": json.dumps([{"Config": "config.json", "RepoTags": ["box:1"], "Layers": ["layer"]}]).encode(), "layer": blob}
    with tarfile.open(name, "w") as t:
        for part, data in parts.items():
            entry = tarfile.TarInfo(part)
            entry.size = len(data)
            t.addfile(entry, io.BytesIO(data))


plain_layer = open("layer.tar", "rb").read()
pack_image("image.tar", plain_layer, plain_layer, Env=["A=image", "B=image"], Entrypoint=["/bin/sh", "-c"], Cmd=["echo from the image"], User="web")

# ---- the tests ----


def hostile():
    get_status = b"GET /v1/status HTTP/1.1\r\nHost: n\r\n"
    for name, request, want in [
        ("no request at all", b"\r\n\r\n", 400),
        ("not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400),
        ("a head without an end", b"GET /v1/status HTTP/1.1\r\nA: " + b"a" * 9000, 431),
        ("a target without an end", b"GET /" + b"a" * 600 + b" HTTP/1.1\r\nHost: n\r\n\r\n", 414),
        ("too many headers", get_status + b"A: b\r\n" * 100 + b"\r\n", 431),
        ("no such path", b"GET /v1/shadow HTTP/1.1\r\nHost: n\r\n\r\n", 404),
        ("a path upwards", b"GET /v1/logs/../../etc/passwd HTTP/1.1\r\nHost: n\r\n\r\n", 400),
        ("a log by a hidden name", b"GET /v1/logs/.x HTTP/1.1\r\nHost: n\r\n\r\n", 404),
        ("not with this method", b"DELETE /v1/status HTTP/1.1\r\nHost: n\r\n\r\n", 405),
        ("a body without a length", b"PUT /v1/settings HTTP/1.1\r\nHost: n\r\n\r\n", 411),
        ("a chunked body", b"PUT /v1/settings HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        ("two lengths", b"PUT /v1/settings HTTP/1.1\r\nHost: n\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        ("a body that is too long", b"PUT /v1/settings HTTP/1.1\r\nHost: n\r\nContent-Length: 999999999\r\n\r\n", 413),
        ("bytes behind the request", b"PUT /v1/settings HTTP/1.1\r\nHost: n\r\nContent-Length: 2\r\n\r\n{}GET /", 400),
        ("settings that are no JSON", b"PUT /v1/settings HTTP/1.1\r\nHost: n\r\nContent-Length: 2\r\n\r\n{x", 422),
        ("settings nobody knows", b"PUT /v1/settings HTTP/1.1\r\nHost: n\r\nContent-Length: 25\r\n\r\n{\"version\":1,\"motd\":\"hi\"}", 422),
        ("deep JSON", b"PUT /v1/pods/a HTTP/1.1\r\nHost: n\r\nContent-Length: 50000\r\n\r\n" + b"[" * 50000, 422),
        ("a layer by no digest", b"PUT /v1/layers/x HTTP/1.1\r\nHost: n\r\nContent-Length: 4096\r\n\r\n" + b"x" * 4096, 422),
        ("a layer of no whole blocks", b"PUT /v1/layers/" + b"0" * 64 + b" HTTP/1.1\r\nHost: n\r\nContent-Length: 5\r\n\r\nhello", 422),
        ("a layer that is another one", b"PUT /v1/layers/" + b"0" * 64 + b" HTTP/1.1\r\nHost: n\r\nContent-Length: 4096\r\n\r\n" + b"x" * 4096, 422),
        ("a layer larger than the disk", b"PUT /v1/layers/" + b"0" * 64 + b" HTTP/1.1\r\nHost: n\r\nContent-Length: 99999998976\r\n\r\n", 413),
    ]:
        check(name, status(raw(request)), want)
    check("byte by byte is a request all the same", status(raw([bytes([b]) for b in get_status + b"\r\n"], pause=0.002)), 200)
    idle = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for s in idle:
        s.connect(sock)
        s.sendall(b"GET /v1/st")
    check("twenty slow clients do not keep others from it", ask("GET", "/v1/status")[0], 200)
    for s in idle:
        s.close()
    front = front_pid()
    text = open(f"/proc/{front}/status").read()
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    check("the half that speaks has no rights, a user and a filter of its own",
          [fields["CapEff"], fields["Uid"].split()[0], fields["Seccomp"], fields["NoNewPrivs"]], ["0" * 16, "62001", "2", "1"])
    os.kill(front, signal.SIGSEGV)
    report(within(lambda: raw(b"") is not None and status(raw(get_status + b"\r\n")) == 200), "when it falls it is started again")


def tls_as(name, version=None):
    c = ssl.create_default_context(cafile="node.pem")
    c.check_hostname = False
    if version:
        c.maximum_version = version
    if name:
        c.load_cert_chain(name + ".pem", name + ".key")
    try:
        with socket.create_connection(("127.0.0.1", 7443), timeout=10) as plain, c.wrap_socket(plain) as s:
            s.sendall(b"GET /v1/status HTTP/1.1\r\nHost: n\r\n\r\n")
            return status(s.recv(4096))
    except (ssl.SSLError, ConnectionError, TimeoutError):
        return 0


def tls():
    open("node.pem", "w").write(get("/v1/status")["certificate"])

    check("TLS: who is named gets in", tls_as("operator"), 200)
    check("TLS: nobody without a certificate", tls_as(None), 0)
    check("TLS: nobody with another one", tls_as("stranger"), 0)
    check("TLS: not by an older version", tls_as("operator", ssl.TLSVersion.TLSv1_2), 0)
    with socket.create_connection(("127.0.0.1", 7443)) as s:
        s.sendall(b"GET /v1/status HTTP/1.1\r\nHost: n\r\n\r\n")
        s.settimeout(10)
        try:
            answer = s.recv(100)
        except ConnectionResetError:
            answer = b""
    check("TLS: nothing without it", answer.startswith(b"HTTP"), False)
    got = node("status", "--cert", "operator.pem", "--key", "operator.key", "--ca", "node.pem", address="127.0.0.1:7443")
    report(got.returncode == 0 and json.loads(got.stdout)["name"] == "demo", "the client by TLS", got.stderr)
    got = node("status", "--cert", "operator.pem", "--key", "operator.key", "--ca", "stranger.pem", address="127.0.0.1:7443")
    check("the client does not believe another node", got.returncode, 3)


def images():
    got = node("import", "--name", "demo/box", "image.tar")
    report(got.returncode == 0, "an image is brought", got.stderr)
    listed = get("/v1/images")
    check("and listed", [(i["name"], i["layers"], i["source"]) for i in listed], [("demo/box", 1, "api")])
    got = node("import", "--name", "demo/box", "image.tar")
    check("a second time is the same", [got.returncode, len(os.listdir("data/images/layers"))], [0, 1])
    compressions(listed)
    record = get("/v1/images/demo/box")
    record["layers"][0]["root"] = "1" * 64
    check("a record without its layer is refused", ask("PUT", "/v1/images/demo/box", json.dumps(record))[0], 409)


def front_pid():
    return int(subprocess.run(["pgrep", "-P", str(agent.pid), "-f", "--", "--worker front"], capture_output=True, text=True).stdout)


def connected(n, *address):
    """n connections by TLS's port, each from the next address of 127.0.0.0/8, which say nothing more."""
    some = []
    for i in range(n):
        s = socket.socket()
        s.setblocking(False)
        s.bind((f"127.0.1.{address[0] if address else i % 250 + 1}", 0))
        s.connect_ex(("127.0.0.1", 7443))
        some.append(s)
    time.sleep(0.5)
    return some


def greedy():
    """Clients who take what they can: others are answered all the same, and soon."""
    def soon(how):
        begun = time.monotonic()
        return [how(), time.monotonic() - begun < 5]

    def local():
        return ask("GET", "/v1/status")[0]

    def operator():
        return tls_as("operator")
    held = connected(60)
    check("sixty strangers on TLS's port: the operator gets in", soon(operator), [200, True])
    check("and the host does", soon(local), [200, True])
    for s in held:
        s.close()
    held = connected(30, 9)
    check("thirty of one address", [soon(operator), soon(local)], [[200, True], [200, True]])
    for s in held:
        s.close()
    held = [socket.socket(socket.AF_UNIX) for _ in range(31)]
    for s in held:
        s.setblocking(False)
        if s.connect_ex(sock) == 0:
            s.send(b"GET /v1/st")
    check("thirty slow clients of the host's: TLS is answered", soon(operator), [200, True])
    for s in held:
        s.close()
    # Large requests have a number of their own.
    begin = b"PUT /v1/layers/" + b"1" * 64 + b" HTTP/1.1\r\nHost: n\r\nContent-Length: 1048576\r\n\r\nx"
    held = [socket.socket(socket.AF_UNIX) for _ in range(4)]
    for s in held:
        s.connect(sock)
        s.sendall(begin)
    within(lambda: len([1 for f in os.listdir(f"/proc/{agent.pid}/fd") if "(deleted)" in link(f"/proc/{agent.pid}/fd/{f}")]) >= 4)
    check("a fifth upload at once is told to try again", status(raw(begin)), 503)
    check("what is small goes on", soon(local), [200, True])
    asking = subprocess.Popen([yagura, "-q", "node", "logs", "--node", "unix:" + sock, "nobody"], stderr=subprocess.PIPE, text=True,
                              env=environment)
    time.sleep(1)
    waits = asking.poll() is None
    for s in held:
        s.close()
    check("the client tries again", [waits, "404" in asking.communicate()[1]], [True, True])
    report(within(lambda: status(raw(begin[:-1] + b"x" * 1048576)) == 422), "and then there is room again")


def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


GET_STATUS = b"GET /v1/status HTTP/1.1\r\nHost: n\r\n\r\n"


def wire(kind, request, *parts):
    return bytes([kind]) + request.to_bytes(4, "little") + b"".join(parts)


class TakenOver:
    """The half that speaks in somebody else's hands: it stands still, and its socket is ours."""
    def __init__(self):
        self.front = front_pid()
        os.kill(self.front, signal.SIGSTOP)
        pidfd = os.pidfd_open(self.front)
        self.socket = socket.socket(fileno=ctypes.CDLL(None).syscall(438, pidfd, 3, 0))  # pidfd_getfd
        os.close(pidfd)
        self.socket.setblocking(False)

    def say(self, message):
        """Whether it could be sent, within two seconds."""
        for _ in range(200):
            try:
                return self.socket.send(message) > 0
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:
                return False
        return False

    def ended(self):
        self.socket.close()
        return within(lambda: front_pid_or(self.front) != self.front) and within(lambda: status(raw(GET_STATUS)) == 200)


def taken_over():
    evil = TakenOver()
    text = json.dumps(pod("evil", container("c", "true"))).encode()
    layer_put = b"\x0d" + (4096).to_bytes(8, "little") + b"\x40" + b"2" * 64
    sent = [evil.say(message) for message in [
        b"\xff", wire(6, 0), wire(7, 1, b"x"), wire(8, 2), wire(6, 3, b"\xff" * 40), wire(10, 3, b"\0" * 11),
        wire(6, 4, b"\x06", (1 << 63).to_bytes(8, "little"), b"\4evil"), wire(7, 4, text), wire(8, 4), wire(8, 4), wire(9, 4),
        wire(6, 5, layer_put), wire(8, 5), wire(8, 5), wire(7, 5, b"x" * 8192)]]
    random.seed(5)
    sent += [evil.say(bytes(random.randrange(256) if i else random.choice([6, 7, 8, 9]) for i in range(random.randrange(1, 60))))
             for _ in range(300)]
    report(all(sent) and agent_lives(), "messages that are none do not end the half that acts", sent)
    evil.say(b"")
    report(evil.ended(), "an end that is none is one")
    evil = TakenOver()
    said = 0
    while said < 20000 and evil.say(wire(6, said % 64, b"\1", bytes(8), b"\0")) and evil.say(wire(8, said % 64)):
        said += 1
    report(100 < said < 20000 and evil.ended(), "one that reads no answers is ended, and not waited for", said)
    check("what was asked for in pieces is not there", [p["name"] for p in get("/v1/pods")], [])


def agent_lives():
    return open(f"/proc/{agent.pid}/stat").read().rsplit(")", 1)[1].split()[0] in "SR"


def front_pid_or(other):
    try:
        return front_pid()
    except ValueError:
        return other


def compressions(plain):
    """Layers as registries have them. A frame that wants a large window is an error before the window is reserved."""
    def zstd(*args):
        return subprocess.run(["zstd", "-qc", *args], input=plain_layer, stdout=subprocess.PIPE, check=True).stdout
    for name, blob in [("gzip", gzip.compress(plain_layer)), ("zstd", zstd()), ("zstd, a window of 128 MiB", zstd("--long=27", "-3"))]:
        pack_image("packed.tar", blob, plain_layer)
        got = node("import", "--name", "demo/packed", "packed.tar")
        here = {i["name"]: i["bytes"] for i in get("/v1/images")}
        report(got.returncode == 0 and here.get("demo/packed") == plain[0]["bytes"] and len(os.listdir("data/images/layers")) == 1,
               f"a layer compressed with {name} is the same layer", got.stderr or here)
        ask("DELETE", "/v1/images/demo/packed")
    # RFC 8878 3.1.1: magic, a header without a content size, window 2^(10 + 21) and 2^(10 + 31), one block of type RLE
    for exponent in (21, 31):
        pack_image("packed.tar", b"\x28\xb5\x2f\xfd\0" + bytes([exponent << 3]) + b"\x03\0\0x", plain_layer)
        got = node("import", "--name", "demo/packed", "packed.tar")
        report(got.returncode == 3 and "zstd: " in got.stderr and "memory" in got.stderr and got.stderr.count("\n") == 1,
               f"a zstd frame with a window of 2^{10 + exponent} bytes is refused in words", got.stderr)
    pack_image("packed.tar", zstd()[:-9], plain_layer)
    got = node("import", "--name", "demo/packed", "packed.tar")
    report(got.returncode == 3 and "cut short" in got.stderr, "and one that is cut short", got.stderr)


def pods():
    with open("pod.yaml", "w") as f:
        f.write("apiVersion: v1\nkind: Pod\nmetadata: {name: hello}\nspec:\n  restartPolicy: Never\n"
                "  containers: [{name: main, image: demo/box, env: [{name: B, value: pod}], args: ['echo $A $B $(id -u)']}]\n")
    got = node("apply", "pod.yaml")
    check("what is not understood is refused by its name", [got.returncode, "args[0]: references" in got.stderr], [3, True])
    text = open("pod.yaml").read().replace("$(id -u)", "`id -u`")
    with open("pod.yaml", "w") as f:
        f.write(text)
    got = node("apply", "pod.yaml")
    report(got.returncode == 0, "a pod from a manifest", got.stderr)
    within(is_in("hello", "succeeded", "failed"))
    check("runs as the image and the manifest say", printed("hello/main"), "image pod 100\n")
    apply(pod("web", container("main", "httpd", "-f", "-p", "8000", "-h", "/data", ports=[{"containerPort": 8000, "hostPort": 8088}],
                               volumeMounts=[{"name": "v", "mountPath": "/data", "readOnly": True}],
                               resources={"limits": {"memory": "32Mi"}}),
              initContainers=[container("first", "sh", "-c", "echo prepared >/data/file", volumeMounts=[{"name": "v", "mountPath": "/data"}])],
              volumes=[{"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}], terminationGracePeriodSeconds=2))
    within(is_in("web", "running"))

    def fetch(port):
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
            c.request("GET", "/file")
            return c.getresponse().read()
        except OSError:
            return None
    check("init container, shared volume, published port", within(lambda: fetch(8088)), b"prepared\n")
    check("a port that is not published is closed", fetch(8000), None)
    check("two pods cannot have one port", apply(pod("other", container("c", "httpd", ports=[{"containerPort": 1, "hostPort": 8088}])))[0], 409)
    apply(pod("crash", container("c", "sh", "-c", "echo again; exit 3"), restartPolicy="OnFailure"))
    got = within(lambda: state("crash")["containers"] and state("crash")["containers"][0]["restarts"] >= 2)
    check("what fails is started again, with pauses", [bool(got), state("crash")["containers"][0].get("exit_status")], [True, 3])
    apply(pod("loud", container("c", "sh", "-c", "yes 0123456789abcdef | head -c 30000000"), restartPolicy="Never"))
    within(is_in("loud", "succeeded", "failed"))
    size = sum(os.path.getsize("data/log/pods/loud_c/" + f) for f in os.listdir("data/log/pods/loud_c"))
    report(1 << 20 < size <= 9 << 20, "30 MB of output leave a bounded log", size)
    apply(pod("full", container("c", "sh", "-c", "dd if=/dev/zero of=/data/x bs=64k count=1000 2>/dev/null; echo $?",
                                volumeMounts=[{"name": "v", "mountPath": "/data"}]),
              volumes=[{"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}], restartPolicy="Never"))
    within(is_in("full", "succeeded", "failed"))
    check("a volume ends at its size", printed("full/c"), "1\n")
    os.symlink("/etc", "data/home/shared/out")
    apply(pod("link", container("c", "cat", "/data/passwd", volumeMounts=[{"name": "v", "mountPath": "/data"}]),
              volumes=[{"name": "v", "hostPath": {"path": "/data/home/shared/out"}}], restartPolicy="Never"))
    got = within(lambda: state("link").get("why"))
    report(got and "v" in got, "a hostPath does not follow links", got)
    apply(pod("missing", {"name": "c", "image": "demo/none"}, restartPolicy="Never"))
    within(is_in("missing", "failed"))
    check("an image that is not there", state("missing")["containers"][0].get("why"), "there is no image demo/none")
    check("an image in use stays", ask("DELETE", "/v1/images/demo/box")[0], 409)


def log_file(name):
    try:
        return open(f"data/log/pods/{name}/log", errors="replace").read()
    except OSError:
        return ""


def stubborn(name, image="demo/box", **more):
    """One that takes its grace to end."""
    return pod(name, container("c", "sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done", image=image, **more), terminationGracePeriodSeconds=15)


def races():
    """What comes while something else is under way."""
    apply(pod("anew", container("c", "sh", "-c", "echo first; sleep 1000"), terminationGracePeriodSeconds=0))
    within(lambda: "first" in log_file("anew_c"))
    apply(pod("anew", container("c", "sh", "-c", "echo second; sleep 1000"), terminationGracePeriodSeconds=0))
    report(within(lambda: "second" in log_file("anew_c")), "a newer version starts though nobody asks",
           (log_file("anew_c"), state("anew"), open("agent.log", errors="replace").read()[-500:]))
    check("the agent's own port is no pod's", apply(pod("theirs", container("c", "httpd", ports=[{"containerPort": 1, "hostPort": 7443}])))[0], 409)
    pack_image("packed.tar", gzip.compress(plain_layer), plain_layer)
    node("import", "--name", "demo/second", "packed.tar")
    apply(stubborn("slow"))
    within(lambda: "deaf" in log_file("slow_c"))
    apply(stubborn("slow", image="demo/second", ports=[{"containerPort": 1, "hostPort": 8099}]))
    check("a version that waits for the end of the one before",
          [state("slow")["state"], apply(pod("quick", container("c", "true", ports=[{"containerPort": 1, "hostPort": 8099}])))[0],
           ask("DELETE", "/v1/images/demo/second")[0]], ["stopping", 409, 409])
    volume = {"volumes": [{"name": "v", "emptyDir": {}}], "restartPolicy": "Never", "terminationGracePeriodSeconds": 0}
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/data"}]}
    apply(pod("again", container("c", "sh", "-c", "echo old >/data/file; sleep 1000", **mount), **volume))
    within(lambda: os.path.exists("data/containers/volumes/again/v/file"))
    ask("DELETE", "/v1/pods/again")
    apply(pod("again", container("c", "sh", "-c", "cat /data/file; echo done", **mount), **volume))
    within(is_in("again", "succeeded", "failed"))
    check("deleted and asked for anew at once: nothing of the old one is there", ["old" in log_file("again_c"), "done" in log_file("again_c")],
          [False, True])
    apply(pod("many", container("c", "sh", "-c", "cd /data; for i in `seq 4000`; do : >f$i; done; for i in `seq 400`; do mkdir d; cd d; done; "
                                "echo written", **mount), **volume))
    report(within(lambda: "written" in log_file("many_c")), "a volume with many files", (log_file("many_c"), state("many")))
    ask("DELETE", "/v1/pods/many")
    report(within(lambda: not os.path.exists("data/containers/volumes/many") and not os.listdir("data/containers/trash")),
           "goes with its pod, as deep as it is", os.listdir("data/containers/trash") if os.path.exists("data/containers/trash") else "")
    for name in ["anew", "slow", "again"]:
        ask("DELETE", "/v1/pods/" + name)
    within(lambda: not get("/v1/pods"))
    ask("DELETE", "/v1/images/demo/second")


def images_in_passing():
    """An image has its layers before its record: what is deleted in between takes none of them along."""
    other = gzip.compress(plain_layer)
    with tarfile.open("other.tar", "w") as t:
        t.add("layer/etc", "etc")
    text = open("other.tar", "rb").read()
    pack_image("packed.tar", gzip.compress(text), text)
    node("import", "--name", "demo/coming", "packed.tar")
    coming = get("/v1/images/demo/coming")
    path = "data/images/layers/" + coming["layers"][0]["root"]
    os.unlink(f"data/images/records/{hashlib.sha256(b'demo/coming').hexdigest()}.json")
    pack_image("packed.tar", other, plain_layer)
    node("import", "--name", "demo/going", "packed.tar")
    check("an image deleted while another one comes in", [ask("DELETE", "/v1/images/demo/going")[0], os.path.exists(path)], [200, True])
    check("which is then there", ask("PUT", "/v1/images/demo/coming", json.dumps(coming))[0], 201)
    check("and goes with its layers", [ask("DELETE", "/v1/images/demo/coming")[0], os.path.exists(path)], [200, False])
    node("import", "--name", "demo/going", "packed.tar")
    open(path, "w").close()
    os.utime(path, (1, 1))
    check("what never got its record goes in the end", [ask("DELETE", "/v1/images/demo/going")[0], os.path.exists(path)], [200, False])
    for i in range(1100):
        with open(f"data/images/records/x{i}.json", "w"):
            pass
    got = node("import", "--name", "demo/going", "packed.tar")
    report(got.returncode == 3 and "images already" in got.stderr, "more images than are looked at are refused", got.stderr)
    for i in range(1100):
        os.unlink(f"data/images/records/x{i}.json")
    node("import", "--name", "demo/going", "packed.tar")
    ask("DELETE", "/v1/images/demo/going")


def lives(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def ends():
    begun = state("web")["containers"][1]["pid"]
    stop(signal.SIGKILL)
    start()
    within(is_in("web", "running"))
    again = within(lambda: next((c.get("pid") for c in state("web")["containers"] if c["name"] == "main"), None))
    report(again and again != begun and not lives(begun), "a killed agent's pods are ended, and run again", (begun, again))
    for name in ["hello", "crash", "loud", "full", "link", "missing"]:
        ask("DELETE", "/v1/pods/" + name)
    within(lambda: len(get("/v1/pods")) == 1)
    check("what is deleted is gone, logs too", [[p["name"] for p in get("/v1/pods")], [d for d in os.listdir("data/log/pods") if "web" not in d]],
          [["web"], []])
    check("a reboot is asked of the first process", [ask("POST", "/v1/reboot")[0], ask("POST", "/v1/power-off")[0]], [202, 202])
    report(within(lambda: os.path.exists("signals") and sorted(open("signals").read().split()) == ["TERM", "USR2"]), "by its signals",
           open("signals").read() if os.path.exists("signals") else "none")
    apply(pod("ordered", container("c", "sh", "-c", "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.1; done"), terminationGracePeriodSeconds=20))
    within(lambda: "ready" in log_file("ordered_c"))
    check("SIGTERM ends it", stop(), 0)
    start()
    report("asked" in printed("ordered/c"), "and pods are asked to end first", printed("ordered/c"))


def faults():
    digest = get("/v1/images/demo/box")["layers"][0]["root"]
    path = "data/images/layers/" + digest
    whole = open(path, "rb").read()
    for name in ["web", "ordered"]:
        ask("DELETE", "/v1/pods/" + name)
    within(lambda: not get("/v1/pods"))
    check("an image that nobody uses goes, with its layers", [ask("DELETE", "/v1/images/demo/box")[0], os.listdir("data/images/layers")], [200, []])
    size = int.from_bytes(whole[1024 + 0x24:1024 + 0x28], "little") * 4096
    data = whole[:size]
    random.seed(4)
    for i in range(12):
        c = subprocess.Popen([sys.executable, "-c", f"""
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.connect({sock!r}); data = open({path!r} + "", "rb").read() if 0 else sys.stdin.buffer.read()
s.sendall(b"PUT /v1/layers/{digest} HTTP/1.1\\r\\nHost: n\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(data))
for at in range(0, len(data), 65536):
    s.sendall(data[at:at + 65536]); time.sleep(0.002)
s.recv(1)
"""], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            c.stdin.write(data)
            c.stdin.close()
        except BrokenPipeError:
            pass
        time.sleep(random.random() * 0.3)
        if i % 2:
            c.kill()
        else:
            stop(signal.SIGKILL)
            start()
            c.kill()
        c.wait()
    left = within(lambda: os.listdir("data/images/layers") in ([], [digest]))
    good = all(hashlib.sha256(open("data/images/layers/" + f, "rb").read()).digest() == hashlib.sha256(whole).digest()
               for f in os.listdir("data/images/layers"))
    report(left and good, "an upload cut at any moment leaves the layer or nothing", os.listdir("data/images/layers"))
    got = node("import", "--name", "demo/box", "image.tar")
    report(got.returncode == 0, "and it can be brought again", got.stderr)
    at = whole.find(b"root:x:0:0")
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(b"evil")
    apply(pod("changed", container("c", "cat", "/etc/passwd"), restartPolicy="Never"))
    within(is_in("changed", "failed", "succeeded"))
    why = state("changed")["containers"][0].get("why", "")
    report("is not what its hash says" in why and "evil" not in printed("changed/c"), "a byte changed on disk is refused", why)


print(f"1..{TESTS}", flush=True)
try:
    start()
    hostile()
    tls()
    greedy()
    taken_over()
    images()
    races()
    images_in_passing()
    pods()
    ends()
    faults()
    stop()
    left = [line for line in open("/proc/mounts") if work in line or "/run/yagura" in line]
    check("nothing stays mounted", left, [])
except BaseException:
    print("# the agent's last words:", *open("agent.log", errors="replace").read()[-3000:].splitlines(), sep="\n# ", flush=True)
    raise
finally:
    if agent.poll() is None:
        agent.terminate()  # in order: what runs is not to stay
        try:
            agent.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            agent.kill()
    init.kill()
    if any(b"Sanitizer" in line for line in open("agent.log", "rb")):
        print("not ok - a sanitizer spoke:", open("agent.log").read()[:3000])
    os.chdir("/")
    shutil.rmtree(work, ignore_errors=True)
