#!/usr/bin/env python3
"""An independent answer to "what has this target?", to hold `yagura scan` against.

usage: oracle.py FAMILY FEEDS RELEASE TARGET        prints one "package id fixed" a line, sorted
       oracle.py rejected FEEDS                     prints the CVEs that their own list has taken back
       oracle.py compare EXPECTED REPORT.json REJECTED     compares such a list, without those, with a report

FAMILY   alpine: TARGET is a root directory; RELEASE "3.18"; a fourth argument "inferred" asks newer branches too
         debian, ubuntu: TARGET is a root directory, read by dpkg-query; RELEASE "12", "22.04"
         rocky, rhel, almalinux, sles: TARGET is a list of name, epoch, version, release, arch, source, module, vendor, by tabs;
         RELEASE "9", "15.3"
FEEDS    the directory of feed files in upstream formats

It shares no code with the program: feed files are read with Python's json, xml and zipfile, versions compared by
versions.py, and the rules are those of docs/matching.md, written down again as plainly as they can be.
"""
import bz2
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
import zipfile

import versions

DEBIAN = {"10": "buster", "11": "bullseye", "12": "bookworm", "13": "trixie"}
UBUNTU = {"22.04": "jammy", "24.04": "noble"}


def unzstd(path):
    return subprocess.run(["zstd", "-dcq", str(path)], capture_output=True, check=True).stdout.decode()


# ---- statements: {(name, by_source): {id: set of fixed versions; "0" = not affected, "" = no fix}} ----

class Statements(dict):
    def say(self, name, source, vulnerability, fixed):
        self.setdefault((name, source), {}).setdefault(vulnerability, set()).add(fixed)


def secdb(feeds, branch):
    s = Statements()
    for path in sorted((feeds / "alpine" / "secdb" / branch).glob("*.json")):
        for package in json.loads(path.read_text()).get("packages") or ():
            for fixed, texts in (package["pkg"].get("secfixes") or {}).items():
                for text in texts or ():
                    ids = [w.replace("CVE_", "CVE-") for w in text.split()]
                    cves = [w for w in ids if w.startswith("CVE-")]
                    ghsa = [w for w in ids if w.startswith("GHSA-")]
                    for i in cves or ghsa[:1] or ids[:1]:
                        s.say(package["pkg"]["name"], True, i, fixed)
    return s


def debian_tracker(feeds, release, s):
    for path in sorted((feeds / "debian").glob("tracker*.json*")):
        text = unzstd(path) if path.suffix == ".zst" else path.read_text()
        for source, issues in json.loads(text).items():
            for i, issue in issues.items():
                row = issue["releases"].get(DEBIAN[release])
                if row and row["status"] == "resolved":
                    s.say(source, True, i, row["fixed_version"])
                elif row and row["status"] == "open":
                    s.say(source, True, i, "")


def debian_lists(feeds, release, s):
    for path in sorted((feeds / "debian").glob("D[SL]A-list*")):
        ids = []
        for line in unzstd(path).splitlines():
            head = re.match(r"\[[^]]*\] (D[SL]A-\S+)", line)
            fix = re.match(r"\t\[(\w+)\] - (\S+) (\S+)", line)
            if head:
                number, ids = head[1], []
            elif line.startswith("\t{"):
                ids = line.strip("\t{} ").split()
            elif fix and fix[1] == DEBIAN[release] and not fix[3].startswith("<"):
                for i in [i for i in ids if i.startswith("CVE-")] or [number]:
                    s.say(fix[2], True, i, fix[3])


def debian_oval(feeds, release, s):
    path = feeds / "debian" / f"oval-definitions-{DEBIAN[release]}.xml.bz2"
    if not path.exists():
        return
    for definition in ET.fromstring(bz2.decompress(path.read_bytes())).findall(".//{*}definition"):
        references = [r.get("ref_id") for r in definition.findall(".//{*}reference")]
        ids = [i for i in references if i.startswith("CVE-")] or [definition.find(".//{*}title").text.split()[0]]
        for criterion in definition.findall(".//{*}criterion"):
            m = re.match(r"(\S+) DPKG is earlier than (\S+)", criterion.get("comment"))
            for i in ids if m else ():
                s.say(m[1], True, i, m[2])


def usn_osv(feeds, release, s, subscribers):
    for path in sorted((feeds / "osv").glob("Ubuntu*/all.zip")):
        with zipfile.ZipFile(path) as z:
            for name in z.namelist():
                record = json.loads(z.read(name))
                if "withdrawn" in record:
                    continue
                words = record.get("aliases", []) + record.get("upstream", []) + record.get("related", [])
                ids = {w for w in words if w.startswith("CVE-")} or {record["id"]}
                for affected in record["affected"]:
                    ecosystem = affected["package"]["ecosystem"].removesuffix(":LTS")
                    to = {f"Ubuntu:{release}": s, f"Ubuntu:Pro:{release}": subscribers}.get(ecosystem)
                    for r in affected.get("ranges", ()) if to is not None else ():
                        for event in r["events"]:
                            for i in ids if "fixed" in event else ():
                                to.say(affected["package"]["name"], True, i, event["fixed"])


def usn_oval(feeds, release, s):
    path = feeds / "ubuntu" / f"com.ubuntu.{UBUNTU[release]}.usn.oval.xml.bz2"
    if not path.exists():
        return
    root = ET.fromstring(bz2.decompress(path.read_bytes()))
    lists = {v.get("id"): [x.text for x in v.findall(".//{*}value")] for v in root.findall(".//{*}constant_variable")}
    objects, states, tests = {}, {}, {}
    for o in root.findall(".//{*}dpkginfo_object"):
        name = o.find("{*}name")
        objects[o.get("id")] = lists.get(name.get("var_ref"), []) if name.get("var_ref") else [name.text]
    for x in root.findall(".//{*}dpkginfo_state"):
        evr = x.find("{*}evr")
        if evr is not None and evr.get("operation") == "less than":
            states[x.get("id")] = evr.text.removeprefix("0:")
    for t in root.findall(".//{*}dpkginfo_test"):
        state = t.find("{*}state")
        if state is not None and state.get("state_ref") in states:
            tests[t.get("id")] = (objects[t.find("{*}object").get("object_ref")], states[state.get("state_ref")])
    for definition in root.findall(".//{*}definition"):
        references = [(r.get("source"), r.get("ref_id")) for r in definition.findall(".//{*}reference")]
        ids = [i for kind, i in references if kind == "CVE"] or [i for kind, i in references if kind == "USN"][:1]
        for criterion in definition.findall(".//{*}criterion"):
            for name in tests.get(criterion.get("test_ref"), ((), ""))[0]:
                for i in ids:
                    s.say(name, False, i, tests[criterion.get("test_ref")][1])


def in_criteria(node, module=""):
    """(test, module) of all criteria below: what holds for one of them holds for those beside it."""
    for c in node.findall("{*}criterion"):
        named = re.match(r"Module (\S+) is enabled", c.get("comment") or "")
        module = named[1] if named else module
    for c in node.findall("{*}criterion"):
        yield c.get("test_ref"), module
    for c in node.findall("{*}criteria"):
        yield from in_criteria(c, module)


def rpm_oval(path, s, all_text):
    """(name, arch, module) -> fixed. all_text: the CVEs stand in the description only."""
    root = ET.fromstring(bz2.decompress(path.read_bytes()))
    objects = {o.get("id"): o.find("{*}name").text for o in root.findall(".//{*}rpminfo_object")}
    states = {}
    for x in root.findall(".//{*}rpminfo_state"):
        evr, arch = x.find("{*}evr"), x.find("{*}arch")
        if evr is not None:
            states[x.get("id")] = (evr.text, arch.text if arch is not None else "")
    tests = {}
    for t in root.findall(".//{*}rpminfo_test"):
        state = t.find("{*}state")
        if state is not None and state.get("state_ref") in states:
            tests[t.get("id")] = (objects[t.find("{*}object").get("object_ref")], *states[state.get("state_ref")])
    for definition in root.findall(".//{*}definition"):
        if all_text:
            ids = set(re.findall(r"CVE-\d{4}-\d{4,}", ET.tostring(definition, encoding="unicode")))
        else:
            ids = {r.get("ref_id") for r in definition.findall(".//{*}reference") if r.get("source") == "CVE"}
        ids = ids or {definition.find(".//{*}reference").get("ref_id")}
        for test, module in in_criteria(definition.find("{*}criteria")):
            if test in tests:
                name, evr, arch = tests[test]
                for i in ids:
                    s.say((name, arch, module), False, i, evr.removeprefix("0:"))


# ---- targets ----

def dpkg_packages(root):
    admin = root / "var" / "lib" / "dpkg"
    form = "${binary:Package}\t${Version}\t${source:Package}\t${source:Version}\t${db:Status-Status}\t${Maintainer}\n"
    out = subprocess.run(["dpkg-query", f"--admindir={admin}", "-W", "-f", form], capture_output=True, check=True, text=True)
    for line in out.stdout.splitlines():
        name, version, source, source_version, status, maintainer = line.split("\t")
        if status in ("installed", "unpacked", "half-configured", "half-installed", "triggers-awaited", "triggers-pending"):
            yield name.split(":")[0], version, source, source_version, maintainer


def apk_packages(root):
    package = {}
    for line in (root / "lib" / "apk" / "db" / "installed").read_text().splitlines() + [""]:
        if not line:
            if package:
                yield package["P"], package["V"], package.get("o", package["P"])
            package = {}
        elif line[1:2] == ":":
            package.setdefault(line[0], line[2:])


# ---- matching ----

def decide(fixes, installed, compare, valid=lambda v: True):
    """(says anything, fixed version or "" for none or None for not affected)"""
    fixes = {f for f in fixes if f in ("", "0") or valid(f)}
    if "0" in fixes:
        return None
    higher = [f for f in fixes if f and compare(installed, f) < 0]
    if higher:
        return versions.highest(higher, compare)
    return "" if fixes == {""} else None


def alpine(feeds, release, root, inferred):
    found = set()
    number = lambda b: (1, 0, 0) if b == "edge" else (0, *map(int, b[1:].split(".")))
    own = "v" + release
    branches = sorted((p.name for p in (feeds / "alpine" / "secdb").iterdir()), key=number)
    rows = [secdb(feeds, own)] + [secdb(feeds, b) for b in branches if inferred and number(b) > number(own)]
    for name, installed, origin in apk_packages(root):
        said = [{}]
        for s in rows:
            merged = {}
            for key in {origin, name}:
                for i, fixes in s.get((key, True), {}).items():
                    merged.setdefault(i, set()).update(fixes)
            said.append(merged)
        for i in set().union(*said):
            speaking = [m[i] for m in said if i in m]
            fixed = decide(speaking[0], installed, versions.apk, versions.apk_valid)
            if fixed:
                found.add((name, i, fixed))
    return found


def deb(statements, subscribers, root, foreign):
    found = set()
    for name, version, source, source_version, maintainer in dpkg_packages(root):
        if foreign(maintainer, version):
            continue
        ids = set(statements.get((source, True), ())) | set(statements.get((name, False), ()))
        for i in ids | set(subscribers.get((source, True), ())):
            by_source = statements.get((source, True), {}).get(i, set())
            by_name = statements.get((name, False), {}).get(i, set())
            if "0" in by_source | by_name:
                continue
            results = [decide(by_source, source_version, versions.dpkg), decide(by_name, version, versions.dpkg)]
            cleared = any(f and versions.dpkg(source_version, f) >= 0 for f in by_source)
            cleared |= any(f and versions.dpkg(version, f) >= 0 for f in by_name)
            higher = [r for r in results if r]
            if higher:
                found.add((name, i, versions.highest(higher, versions.dpkg)))
            elif not cleared and "" in results:
                found.add((name, i, ""))
            elif not cleared:
                fixed = decide(subscribers.get((source, True), {}).get(i, set()), source_version, versions.dpkg)
                if fixed:
                    found.add((name, i, fixed))
    return found


def rpm_osv(paths, ecosystem, s):
    """A statement's name is (name, "", module); a fix of a module build is about the modules of the summary, else any."""
    for path in paths:
        with zipfile.ZipFile(path) as z:
            for name in z.namelist():
                record = json.loads(z.read(name))
                words = record.get("aliases", []) + record.get("upstream", []) + record.get("related", [])
                ids = {w for w in words if w.startswith("CVE-")} or {record["id"]}
                if "withdrawn" in record or ids == {record["id"]} and record["id"].startswith(("ALBA", "ALEA")):
                    continue
                words = record.get("summary", "").partition(": ")[2].split()
                named = [w.rstrip(",") for w in words if ":" in w.strip(":,")] or ["*"]
                for affected in record["affected"]:
                    if affected["package"]["ecosystem"] != ecosystem:
                        continue
                    fixed = [e["fixed"] for r in affected["ranges"] for e in r["events"] if "fixed" in e]
                    for module in named if any(".module_el" in f for f in fixed) else [""]:
                        for i in ids:
                            for f in fixed:
                                s.say((affected["package"]["name"], "", module), False, i, f)


def rpm(statements, listing, vendors):
    found = set()
    by_name = {}
    for (key, kind), ids in statements.items():
        by_name.setdefault(key[0], []).append((key, ids))
    for line in pathlib.Path(listing).read_text().splitlines():
        name, epoch, version, release, arch, _, module, vendor = line.split("\t")
        module = "" if module == "(none)" else ":".join(module.split(":")[:2])
        if not vendor.startswith(vendors):
            continue
        installed = f"{epoch if epoch != '(none)' else 0}:{version}-{release}"
        fixes = {}
        for key, ids in by_name.get(name, ()):
            if not (not key[1] or arch == "noarch" or re.fullmatch(key[1], arch)):
                continue
            if key[2] != module and not (key[2] == "*" and module):
                continue
            for i, versions_fixed in ids.items():
                fixes.setdefault(i, set()).update(versions_fixed)
        for i, f in fixes.items():
            fixed = decide(f, installed, versions.rpm)
            if fixed:
                found.add((name, i, fixed))
    return found


def third_party(maintainer, version):
    known = ("NodeSource", "Google Cloud", "Google LLC", "Docker <")
    return maintainer.startswith(known) or "nodesource" in version


def expected(family, feeds, release, target, *more):
    feeds, root = pathlib.Path(feeds), pathlib.Path(target)
    s, subscribers = Statements(), Statements()
    if family == "alpine":
        return alpine(feeds, release, root, more == ("inferred",))
    if family == "debian":
        debian_tracker(feeds, release, s)
        debian_lists(feeds, release, s)
        debian_oval(feeds, release, s)
        return deb(s, subscribers, root, third_party)
    if family == "ubuntu":
        usn_osv(feeds, release, s, subscribers)
        usn_oval(feeds, release, s)
        return deb(s, subscribers, root, third_party)
    if family == "rocky":
        rpm_oval(next((feeds / "redhat-family" / "rocky").glob(f"*rlsa-{release}.xml.bz2")), s, True)
        return rpm(s, target, ("Rocky",))
    if family == "rhel":
        rpm_oval(next((feeds / "redhat-family" / "redhat").glob(f"*RHEL{release}.xml.bz2")), s, False)
        return rpm(s, target, ("Red Hat",))
    if family == "almalinux":
        rpm_osv(sorted((feeds / "osv").glob("AlmaLinux*/all.zip")), f"AlmaLinux:{release}", s)
        return rpm(s, target, ("AlmaLinux",))
    if family == "sles":
        major, minor = release.split(".")
        rpm_osv(sorted((feeds / "suse").glob("*/all.zip")), f"SUSE:Linux Enterprise Server {major} SP{minor}", s)
        return rpm(s, target, ("SUSE",))
    sys.exit(__doc__)


def rejected(feeds):
    """A rejected CVE is none, whatever a bulletin that came before says of it."""
    for path in sorted(pathlib.Path(feeds, "cve").glob("*.tar.zst")):
        with subprocess.Popen(["zstd", "-dcq", str(path)], stdout=subprocess.PIPE) as unpack:
            with tarfile.open(fileobj=unpack.stdout, mode="r|") as archive:
                for member in archive:
                    data = archive.extractfile(member).read() if member.isfile() else b""
                    if b"REJECTED" in data:
                        about = json.loads(data)["cveMetadata"]
                        if about["state"] == "REJECTED":
                            yield about["cveId"]


def compare(list_file, report_file, rejected_file):
    gone = set(pathlib.Path(rejected_file).read_text().split())
    want = {tuple((line + "\t\t").split("\t")[:3]) for line in pathlib.Path(list_file).read_text().splitlines()}
    report = json.loads(pathlib.Path(report_file).read_text())
    want = {row for row in want if row[1] not in gone}
    system = {"deb", "apk", "rpm", "alpm"}
    have, other_names = set(), {}
    for f in report["findings"]:
        if report["packages"][f["package_id"]]["type"] in system:
            row = (f["package"], f["id"], f.get("fixed") or "")
            have.add(row)
            for alias in f.get("aliases") or ():
                other_names[(row[0], alias, row[2])] = row
    want = {other_names.get(row, row) for row in want}
    for row in sorted(want - have):
        print("missing\t" + "\t".join(row))
    for row in sorted(have - want):
        print("not expected\t" + "\t".join(row))
    print(f"# {len(want & have)} agree, {len(want - have)} missing, {len(have - want)} not expected")
    return 0 if want == have else 1


def main(args):
    if len(args) == 4 and args[0] == "compare":
        return compare(*args[1:])
    if len(args) == 2 and args[0] == "rejected":
        print("\n".join(rejected(args[1])))
        return 0
    if len(args) not in (4, 5):
        sys.exit(__doc__)
    for row in sorted(expected(*args)):
        print("\t".join(row))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
