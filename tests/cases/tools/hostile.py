"""Runs the program on bad input and looks at how it ends: documented status, one clear line, in time, nothing half-written.

    from hostile import *
    ends("a name for the output", "oci:img")             status 3 expected; prints nothing when all is well
"""
import os
import pathlib
import subprocess
import time

YAGURA = os.environ["YAGURA"]
SECONDS = 5 * int(os.environ.get("CASE_PATIENCE", "4"))  # a loaded machine, or a sanitizer, takes its time


def left_behind():
    """Files that only a run in progress may have."""
    return [str(p) for top in (os.environ["YAGURA_CACHE"], os.environ["YAGURA_DATA"], "tmp") for p in pathlib.Path(top).rglob("*")
            if ".tmp-" in p.name or top == "tmp" or p.name.startswith("core")]


def ends(name, *args, status=(3,), lines=1, command=("scan", "-q", "--fail-on", "none"), **env):
    pathlib.Path("tmp").mkdir(exist_ok=True)
    began = time.monotonic()
    r = subprocess.run([YAGURA, *command, *args], capture_output=True, text=True, errors="replace", timeout=120,
                       env={**os.environ, "TMPDIR": os.path.abspath("tmp"), **env})
    took = time.monotonic() - began
    wrong = []
    if r.returncode not in status:
        wrong.append(f"ended with {r.returncode}")
    if r.returncode == 3 and (len(r.stderr.splitlines()) != lines or not r.stderr.startswith("yagura: ")):
        wrong.append("does not say why in one line")
    if took > SECONDS:
        wrong.append("took too long")
    wrong += ["left " + p for p in left_behind()]
    if wrong:
        print(f"{name}: {', '.join(wrong)}\n{r.stderr}")
    return r
