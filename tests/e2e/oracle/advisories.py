"""Advisories that are no OSV records, as records (id, aliases, ecosystem, name) with a test and the versions that repair.

Written from the documents of the formats and of their version requirements, and apart from src/vuln/feed.
"""
import json
import pathlib
import re
import subprocess
import tarfile

import yaml

import versions

LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # texts as they stand: 1.10 is no number


def unpacked(path):
    """(name, bytes) of the files of a .tar.zst or of one .zst."""
    with subprocess.Popen(["zstd", "-dcq", str(path)], stdout=subprocess.PIPE) as unpack:
        if not path.name.endswith(".tar.zst"):
            yield path.name, unpack.stdout.read()
            return
        with tarfile.open(fileobj=unpack.stdout, mode="r|") as archive:
            for member in archive:
                if member.isfile():
                    yield member.name, archive.extractfile(member).read()


class Record:
    """affects(version) for a text; fixes: the texts where an affected stretch ends; mentioned: what it names at all."""
    def __init__(self, i, aliases, ecosystem, name, affects, fixes, mentioned):
        self.id, self.aliases, self.ecosystem, self.name = i, [a for a in aliases if a != i], ecosystem, name
        self.affects, self.fixes, self.mentioned = affects, fixes, mentioned


def comparators(text):
    """[(operator, version)] of "~> 5.2.4, >= 5.2.4.3" or ">=1.0 <2.0"."""
    return re.findall(r"(>=|<=|=>|==|~>|>|<|=|~|\^)?\s*v?([^\s,<>=~^|]+)", text)


COMPARE = {">=": lambda c: c >= 0, "=>": lambda c: c >= 0, "<=": lambda c: c <= 0, ">": lambda c: c > 0, "<": lambda c: c < 0,
           "=": lambda c: c == 0, "==": lambda c: c == 0, "": lambda c: c == 0}


# ---- RubyGems: ruby-advisory-db says what is safe ----

def gem_requirement(text):
    """Gem::Requirement#satisfied_by?: all of them."""
    def pessimistic(v, bound):
        numbers = re.match(r"\d+(?:\.\d+)*", bound)[0].split(".")
        numbers = numbers[:-1] if len(numbers) > 1 else numbers
        numbers[-1] = str(int(numbers[-1]) + 1)
        return versions.gem(v, bound) >= 0 and versions.gem(versions.gem_release(v), ".".join(numbers)) < 0
    tests = comparators(text)
    return lambda v: all(pessimistic(v, b) if op == "~>" else COMPARE[op](versions.gem(v, b)) for op, b in tests)


def rubysec(path):
    for name, data in unpacked(path):
        if not re.search(r"(^|/)gems/.*\.yml$", name):
            continue
        d = yaml.load(data, LOADER)
        ids = [head + d[key] for key, head in (("cve", "CVE-"), ("ghsa", "GHSA-"), ("osvdb", "OSVDB-")) if d.get(key)]
        texts = [*(d.get("patched_versions") or ()), *(d.get("unaffected_versions") or ())]
        safe = [gem_requirement(t) for t in texts]
        bounds = [(op, b) for t in texts for op, b in comparators(t)]
        # A safe stretch begins at its greatest lower end.
        begins = [max((b for op, b in comparators(t) if op in (">=", "~>", "=", "")), key=versions.key(versions.gem), default=None) for t in texts]
        yield Record(ids[0], ids, "RubyGems", d["gem"], lambda v, safe=safe: not any(s(v) for s in safe),
                     [b for b in begins if b], [b for _, b in bounds])


# ---- Packagist: FriendsOfPHP ----

def friendsofphp(path):
    for name, data in unpacked(path):
        if not name.endswith(".yaml"):
            continue
        d = yaml.load(data, LOADER)
        package = d["reference"].removeprefix("composer://").lower()
        cve = d.get("cve") or ""
        i = cve if cve.startswith("CVE-") else "FOP-" + package + "/" + pathlib.PurePath(name).stem
        branches = [[c for text in b["versions"] for c in comparators(text)] for b in d["branches"].values()]
        def affects(v, branches=branches):
            return any(all(COMPARE[op](versions.php(v, b)) for op, b in branch) for branch in branches)
        yield Record(i, [i], "Packagist", package, affects, [b for branch in branches for op, b in branch if op == "<"],
                     [b for branch in branches for _, b in branch])


# ---- npm: node-semver's ranges ----

def npm_partial(text):
    """(numbers, labels): "1.x" is ([1], ""); all three only when it is a whole version."""
    m = re.match(r"(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(.*)", text)
    numbers = []
    for part in m.groups()[:3] if m else ():
        if part is None or not part.isdigit():
            break
        numbers.append(int(part))
    return numbers, (m[4] if m else "").lstrip("-")


def npm_interval(op, text):
    """(low, low excluded, high, high included): versions as texts, None for no end; the table of node-semver's README."""
    numbers, labels = npm_partial(text)
    whole = len(numbers) == 3
    dotted = lambda ns: ".".join(str(n) for n in (ns + [0, 0, 0])[:3])
    up = lambda ns: dotted(ns[:-1] + [ns[-1] + 1])
    low = text if whole else dotted(numbers)
    if not numbers:
        return None, False, None, False
    if op in (">=", "=>"):
        return low, False, None, False
    if op == ">":
        return (text, True, None, False) if whole else (up(numbers), False, None, False)
    if op == "<":
        return None, False, low if whole else low + "-0", False
    if op == "<=":
        return (None, False, text, True) if whole else (None, False, up(numbers) + "-0", False)
    if op == "~":
        return low, False, up(numbers[:2]) + "-0", False
    if op == "^":
        keep = next((i + 1 for i, n in enumerate(numbers) if n), len(numbers))
        return low, False, up(numbers[:keep]) + "-0", False
    return (text, False, text, True) if whole else (low, False, up(numbers) + "-0", False)


def npm_range(text):
    """[[interval, ...], ...]: any of, all of."""
    return [[npm_interval(op, b) for op, b in comparators(part)] for part in text.split("||")]


def in_interval(v, interval):
    low, low_excluded, high, high_included = interval
    key = versions.semver
    if low is not None and (key(v) < key(low) or low_excluded and key(v) == key(low)):
        return False
    return high is None or key(v) < key(high) or high_included and key(v) == key(high)


def nodejs(path):
    for name, data in unpacked(path):
        if not re.search(r"(^|/)npm/.*\.json$", name):
            continue
        d = json.loads(data)
        if not d.get("vulnerable_versions"):
            continue
        alternatives = npm_range(d["vulnerable_versions"])
        affects = lambda v, a=alternatives: any(all(in_interval(v, i) for i in part) for part in a)
        mentioned = [b for _, b in comparators(d["vulnerable_versions"])]
        fixes = [b for op, b in comparators(d["vulnerable_versions"]) if op == "<"]
        for i in [c for c in d.get("cves") or () if c.startswith("CVE-")] or [f"NSWG-ECO-{d['id']}"]:
            yield Record(i, [i], "npm", d["module_name"], affects, fixes, mentioned)


def retire(path):
    for _, data in unpacked(path):
        for library, d in json.loads(data).items():
            if library == "retire-example" or "npmname" not in d:
                continue
            for v in d["vulnerabilities"]:
                known, below = v.get("identifiers") or {}, v.get("below")
                if below is None or versions.semver(below) is None:
                    continue
                low = v.get("atOrAbove")
                if low not in (None, "0") and versions.semver(low) is None:
                    continue
                interval = (None if low in (None, "0") else low, False, below, False)
                affects = lambda text, interval=interval: in_interval(text, interval)
                cves, github = known.get("CVE") or [], known.get("githubID")
                own = [f"RETIRE-{d['npmname']}-{known['retid']}"] if "retid" in known else []
                ids = cves or ([github] if github else own)
                for i in ids:
                    yield Record(i, [i, github] if len(cves) == 1 and github else [i], "npm", d["npmname"], affects, [below],
                                 [b for b in (low, below) if b])


READERS = (("ruby-advisory-db.tar.zst", rubysec), ("FriendsOfPHP-security-advisories.tar.zst", friendsofphp),
           ("nodejs-security-wg-vuln.tar.zst", nodejs), ("jsrepository-v6.json.zst", retire))


def read(path):
    path = pathlib.Path(path)
    return next(reader for name, reader in READERS if path.name == name)(path)
