"""Runs the program on bad input and looks at how it ends: documented status, one clear line, in time and memory, nothing
half-written.

    from hostile import *
    ends("a name for the output", "oci:img")             status 3 expected; prints nothing when all is well
"""
import os
import pathlib
import subprocess
import sys
import tempfile

YAGURA = os.environ["YAGURA"]
SANITIZED = "ASAN_OPTIONS" in os.environ  # the memory is then the sanitizer's
SECONDS = 60 if SANITIZED else 20  # of processors, the program and its workers together
MEBIBYTES = 128  # resident at the peak, the program or any of its workers


def left_behind():
    """Files that only a run in progress may have."""
    return [str(p) for top in (os.environ["YAGURA_CACHE"], os.environ["YAGURA_DATA"], "tmp") for p in pathlib.Path(top).rglob("*")
            if ".tmp-" in p.name or top == "tmp" or p.name.startswith("core")]


# A process forked from this one has had this one's memory, so a small one stands between.
MEASURE = """import os, sys
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
os.write(int(sys.argv[1]), f"{used.ru_maxrss // 1024} {used.ru_utime + used.ru_stime}".encode())
sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))"""


def run(command, **env):
    """Runs it to its end. The result has in `mebibytes` the largest resident set of the program and its workers, in `seconds`
    the processors' time of all."""
    with tempfile.TemporaryFile("w+") as used:
        r = subprocess.run([sys.executable, "-SIc", MEASURE, str(used.fileno()), *command], capture_output=True, text=True,
                           errors="replace", env={**os.environ, **env}, pass_fds=[used.fileno()])
        used.seek(0)
        peak, seconds = used.read().split()
        r.mebibytes, r.seconds = int(peak), float(seconds)
    return r


def ends(name, *args, status=(3,), lines=1, command=("scan", "-q", "--fail-on", "none"), says="", seconds=SECONDS,
         mebibytes=MEBIBYTES, under=(), **env):
    """`says` must be in that line; `under` is put before the command (prlimit ...)."""
    pathlib.Path("tmp").mkdir(exist_ok=True)
    r = run([*under, YAGURA, *command, *args], TMPDIR=os.path.abspath("tmp"), **env)
    wrong = []
    if r.returncode not in status:
        wrong.append(f"ended with {r.returncode}")
    if r.returncode == 3 and (len(r.stderr.splitlines()) != lines or not r.stderr.startswith("yagura: ")):
        wrong.append("does not say why in one line")
    if r.returncode == 3 and says not in r.stderr:
        wrong.append(f"does not say {says!r}")
    if r.seconds > seconds:
        wrong.append(f"took {r.seconds:.0f} seconds")
    if r.mebibytes > mebibytes and not SANITIZED:
        wrong.append(f"took {r.mebibytes} MiB")
    wrong += ["left " + p for p in left_behind()]
    if wrong:
        print(f"{name}: {', '.join(wrong)}\n{r.stderr}")
    if os.environ.get("CASE_VERBOSE"):
        print(f"# {name}: {r.returncode}, {r.seconds:.1f} s, {r.mebibytes} MiB: {r.stderr.strip()}", file=sys.stderr)
    return r
