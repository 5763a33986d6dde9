#!/usr/bin/env python3
"""A bundle for tests/e2e/run-killed.c, which kills create and delete at every system call.

usage: tests/e2e/run-killed.py YAGURA_RUN RUN_KILLED        prints TAP; needs root
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run_bundle  # noqa: E402


def main():
    skip = run_bundle.reason_to_skip()
    if skip:
        print(f"1..0 # SKIP {skip}")
        return 0
    runtime = run_bundle.Runtime(str(pathlib.Path(sys.argv[1]).resolve()), "--compat")
    try:
        runtime.args("sleep", "1000")
        runtime.root.mkdir(mode=0o700)
        return subprocess.run([sys.argv[2], runtime.program, str(runtime.place), runtime.group], check=False).returncode
    finally:
        runtime.done()


if __name__ == "__main__":
    sys.exit(main())
