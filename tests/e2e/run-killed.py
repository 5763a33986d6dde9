#!/usr/bin/env python3
"""A bundle for tests/e2e/run-killed.c, which kills create and delete at every system call.

usage: tests/e2e/run-killed.py YAGURA_RUN RUN_KILLED every|changes|limits        prints TAP; needs root

every, changes: at which system calls, as run-killed.c has it. limits: a container with a writable layer of limited size and rate, and a network of limited rate; at each system call that changes something.
"""
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run_bundle  # noqa: E402


HOOK = r"""p=$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p'); ip link add name yk$p type veth peer name eth0 netns $p"""


def limited(config):
    config["root"]["readonly"] = False
    config["annotations"] = {"yagura.disk.size": "32Mi", "yagura.disk.write-bps": "10Mi", "yagura.net.in": "10M", "yagura.net.out": "10M"}
    config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", HOOK], "env": [f"PATH={os.environ['PATH']}"]}]}


def main():
    skip = run_bundle.reason_to_skip()
    if skip:
        print(f"1..0 # SKIP {skip}")
        return 0
    limits = sys.argv[3] == "limits"
    if limits and not shutil.which("ip"):
        print("1..0 # SKIP ip is not installed")
        return 0
    calls, option = ("alone", "") if limits else (sys.argv[3], "--compat")
    runtime = run_bundle.Runtime(str(pathlib.Path(sys.argv[1]).resolve()), *([option] if option else []))
    try:
        runtime.args("sleep", "1000", change=limited if limits else None)
        runtime.root.mkdir(mode=0o700)
        return subprocess.run([sys.argv[2], runtime.program, str(runtime.place), runtime.group, calls, option], check=False).returncode
    finally:
        runtime.done()


if __name__ == "__main__":
    sys.exit(main())
