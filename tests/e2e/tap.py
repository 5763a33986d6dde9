"""Results as the Test Anything Protocol has them: one object a program; and waiting for what they tell."""
import time

DETAIL_LINES = 60  # the last ones of what is told about a failure
PATIENCE = 120  # seconds: a machine may be slow and have much to do; nothing asserts a time


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def ok(self, good, name, detail=""):
        self.n += 1
        print("ok" if good else "not ok", self.n, "-", name, flush=True)
        if not good:
            self.failed += 1
            print("\n".join("# " + line for line in str(detail).splitlines()[-DETAIL_LINES:]), flush=True)
        return good

    def equal(self, got, want, name):
        return self.ok(got == want, name, f"got {got!r}, not {want!r}")

    def end(self):
        print(f"1..{self.n}")
        return 1 if self.failed or not self.n else 0


def within(what, pause=0.1):
    """The first true answer of what(), or its last one."""
    end = time.monotonic() + PATIENCE
    while True:
        got = what()
        if got or time.monotonic() > end:
            return got
        time.sleep(pause)
