#!/usr/bin/env python3
"""Red Hat's VEX: made-up CSAF documents of the shapes that Red Hat publishes, and a second answer to them; see unfixed.py.

usage: vex.py make DIR                   DIR/feeds, DIR/root and DIR/list; the same each time
       vex.py compare DIR REPORT.json

Packages are called tool0, tool1, ...; their sources base0, base1, ... A document has fixes by installed packages (with their source beside them),
in modules by a component of a module of a product, what is not repaired by source or by package, remediations of single products and of all,
products that are not the release's main stream. Answers are read from DIR/feeds with the rules of docs/formats/feeds.md written down once more.
"""
import json
import pathlib
import sys
from urllib.parse import parse_qs

import draw
import unfixed
import versions

PACKAGES, CVES = 60, 40
PRODUCTS = {"BaseOS-9": "cpe:/o:redhat:enterprise_linux:9::baseos", "AppStream-9": "cpe:/a:redhat:enterprise_linux:9::appstream",
            "AppStream-9.0.EUS": "cpe:/a:redhat:rhel_eus:9.0::appstream", "red_hat_enterprise_linux_8": "cpe:/o:redhat:enterprise_linux:8",
            "red_hat_openshift_4": "cpe:/a:redhat:openshift:4"}
REMEDIES = [("none_available", "Affected"), ("none_available", "Fix deferred"), ("no_fix_planned", "Will not fix"), ("no_fix_planned", "Out of support scope"),
            ("none_available", "Under investigation"), ("no_fix_planned", "Some new words"), ("workaround", "Turn it off."), ("vendor_fix", "See the errata.")]
STATUSES = ["fixed", "fixed", "fixed", "known_affected", "known_affected", "known_affected", "known_not_affected", "under_investigation"]


# ---- making ----

class Tree:
    """The product tree of one document."""

    def __init__(self):
        self.products, self.relations = {}, {}
        for i, cpe in PRODUCTS.items():
            self.products[i] = {"cpe": cpe}

    def component(self, component, helper, parent):
        self.products[component] = helper
        whole = f"{parent}:{component}"
        self.relations[whole] = {"category": "default_component_of", "full_product_name": {"name": whole, "product_id": whole},
                                 "product_reference": component, "relates_to_product_reference": parent}
        return whole

    def written(self):
        leaves = [{"category": "product_version", "product": {"name": i, "product_id": i, "product_identification_helper": helper}}
                  for i, helper in self.products.items()]
        return {"branches": [{"category": "vendor", "name": "Red Hat", "branches": leaves}], "relationships": list(self.relations.values())}


def fix_ids(tree, number, module, product, seed):
    """A fix: the package of two architectures and its source."""
    evr = draw.choose(unfixed.RHEL_FIXES, *seed, "evr")
    epoch, version = evr.split(":")
    parent = product
    if module:
        stream = f"{module}:9000020240101:abcd"
        parent = tree.component(stream, {"purl": f"pkg:rpmmod/redhat/{module.replace(':', '@')}:9000020240101:abcd"}, product)
    more = f"&epoch={epoch}" if epoch != "0" else ""
    return [tree.component(f"{name}-{evr}.{arch}", {"purl": f"pkg:rpm/redhat/{name}@{version}?arch={arch}{more}"}, parent)
            for name, arch in ((f"tool{number}", "x86_64"), (f"tool{number}", "aarch64"), (f"base{number}", "src"))]


def other_id(tree, number, module, product, seed):
    """Anything else: of a source or a package, without a version."""
    name, arch = draw.choose([(f"base{number}", "arch=src"), (f"tool{number}", "")], *seed, "kind")
    words = "&".join(w for w in (arch, f"rpmmod={module}" if module else "") if w)
    component = f"{module}/{name}" if module else name
    return [tree.component(component, {"purl": f"pkg:rpm/redhat/{name}" + (f"?{words}" if words else "")}, product)]


def document(n):
    tree, status, remediations, threats = Tree(), {}, [], []
    for number in range(PACKAGES):
        for turn in range(2):
            seed = (str(n), str(number), str(turn))
            if draw.choose("abcd", *seed) != "a":
                continue
            said, product = draw.choose(STATUSES, *seed, "said"), draw.choose(["AppStream-9"] * 4 + list(PRODUCTS), *seed, "product")
            make = fix_ids if said == "fixed" else other_id
            ids = make(tree, number, draw.choose(unfixed.MODULES, *seed, "module"), product, seed)
            status.setdefault(said, []).extend(i for i in ids if i not in status.get(said, ()))
            if draw.choose("ab", *seed, "told") == "a":
                category, details = draw.choose(REMEDIES, *seed, "remedy")
                remediations.append({"category": category, "details": details, "product_ids": ids,
                                     **({"url": f"https://example.org/errata/RHSA-2024:{n}"} if category == "vendor_fix" else {})})
            elif draw.choose("ab", *seed, "threat") == "a":
                threats.append({"category": "impact", "details": "Low", "product_ids": ids})
    category, details = draw.choose(REMEDIES, str(n), "all")
    remediations.append({"category": category, "details": details})
    return {"document": {"category": "csaf_vex", "csaf_version": "2.0", "title": "made up", "tracking": {"id": f"CVE-2024-{n}", "status": "final"}},
            "product_tree": tree.written(),
            "vulnerabilities": [{"cve": f"CVE-2024-{n}", "product_status": status, "remediations": remediations, "threats": threats}]}


def make(top):
    names = [(f"tool{i}", f"base{i}") for i in range(PACKAGES)]
    rows = [(name, source, draw.choose(unfixed.RHEL_INSTALLED, name), draw.choose(unfixed.MODULES, name, "in")) for name, source in names]
    _, data = draw.image.rpm(*[{"name": name, "evr": v, "arch": "x86_64", "source": f"{source}-{v.split(':')[-1]}.src.rpm", "vendor": "Red Hat, Inc.",
                                **({"module": m + ":9:abcd"} if m else {})} for name, source, v, m in rows])
    draw.save(top, "root/var/lib/rpm/rpmdb.sqlite", data)
    draw.save(top, "root/etc/os-release", 'ID="rhel"\nVERSION_ID="9.0"\n')
    draw.save(top, "list", "".join("\t".join(r) + "\n" for r in rows))
    for n in range(1000, 1000 + CVES):
        draw.save(top, f"feeds/cve-2024-{n}.json", json.dumps(document(n)))


# ---- answering ----

def purl(text):
    """(type, name, version, qualifiers)"""
    text, _, words = text.partition("?")
    kind, _, rest = text.removeprefix("pkg:").partition("/")
    name, _, version = rest.rpartition("/")[2].partition("@")
    return kind, name, version, {k: v[0] for k, v in parse_qs(words).items()}


def leaves(branches):
    for b in branches:
        yield from leaves(b.get("branches", ()))
        if "product" in b:
            yield b["product"]["product_id"], b["product"]["product_identification_helper"]


def about(tree, whole):
    """(cpe, package's purl, module) of an id of the tree."""
    helpers = dict(leaves(tree["branches"]))
    relations = {r["full_product_name"]["product_id"]: r for r in tree["relationships"]}
    package = module = None
    while whole in relations:
        r = relations[whole]
        p = purl(helpers[r["product_reference"]]["purl"])
        if p[0] == "rpmmod":
            module = f"{p[1]}:{p[2].split(':')[0]}"
        else:
            package = p
        whole = r["relates_to_product_reference"]
    return helpers[whole]["cpe"], package, module or package[3].get("rpmmod", "")


def unrepaired(vulnerability, i):
    """What the remediations say of an id that is affected."""
    said = [s for key in ("remediations", "threats") for s in vulnerability[key]]
    own = [s for s in said if i in s.get("product_ids", ())]
    mine = own or [s for s in said if "product_ids" not in s]
    words = [s for s in mine if s["category"] in ("none_available", "no_fix_planned")]
    if not words:
        return "affected"
    known = {"Will not fix": "wont-fix", "Out of support scope": "end-of-life", "Fix deferred": "deferred", "Under investigation": "under-investigation"}
    return known.get(words[-1]["details"], "wont-fix" if words[-1]["category"] == "no_fix_planned" else "affected")


def statements(path):
    """(name, is a source, module, status or "fixed", version)"""
    tree, vulnerability = (lambda d: (d["product_tree"], d["vulnerabilities"][0]))(json.loads(path.read_text()))
    for status, ids in vulnerability["product_status"].items():
        for i in ids:
            cpe, (_, name, version, more), module = about(tree, i)
            if ":enterprise_linux:9:" not in cpe + ":":
                continue
            source = more.get("arch") == "src"
            if status == "fixed":
                if not source:
                    yield name, False, module, "fixed", (more["epoch"] + ":" if "epoch" in more else "") + version
                continue
            word = {"known_not_affected": "not affected", "under_investigation": "under-investigation"}.get(status) or unrepaired(vulnerability, i)
            yield name, source, module, word, ""


def expected(top):
    for path in sorted((top / "feeds").iterdir()):
        said = list(statements(path))
        for line in (top / "list").read_text().splitlines():
            name, source, installed, module = line.split("\t")
            words = [s[3:] for s in said if s[0] == (source if s[1] else name) and s[2] == module]
            answer = unfixed.verdict(words, installed, versions.rpm) if words else None
            if answer:
                yield name, path.stem.upper(), *answer


def main(args):
    if len(args) == 2 and args[0] == "make":
        make(pathlib.Path(args[1]))
        return 0
    if len(args) == 3 and args[0] == "compare":
        return unfixed.differences(set(expected(pathlib.Path(args[1]))), args[2])
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
