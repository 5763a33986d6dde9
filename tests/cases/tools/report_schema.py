"""Holds a report of --format json to docs/formats/report-json.md: every key, its type, no other key; and that the page names it.

    python3 -m report_schema PAGE REPORT...        a line per difference, then "N reports, N differences"
"""
import json
import re
import sys

TEXT, NUMBER, BOOL = (str,), (int,), (bool,)
NONE = (type(None),)
TEXT_OR_NULL, BOOL_OR_NULL, NUMBER_OR_NULL = TEXT + NONE, BOOL + NONE, NUMBER + NONE
ANY_NUMBER = (int, float)


class OrNull:
    def __init__(self, shape):
        self.shape = shape


LAYER = {"index": NUMBER, "digest": TEXT_OR_NULL, "diff_id": TEXT_OR_NULL, "created_by": TEXT_OR_NULL, "base": BOOL,
         "base_inferred": BOOL}
LAYER_REFERENCE = OrNull({"index": NUMBER, "diff_id": TEXT_OR_NULL})
SEVERITIES = ("critical", "high", "medium", "low", "negligible", "unknown")
REPORT = {
    "schema_version": NUMBER,
    "generator": {"name": TEXT, "version": TEXT_OR_NULL},
    "target": {"kind": TEXT, "name": TEXT, "reference": TEXT_OR_NULL, "manifest": TEXT_OR_NULL, "config": TEXT_OR_NULL,
               "os": TEXT_OR_NULL, "arch": TEXT_OR_NULL, "variant": TEXT_OR_NULL, "created": TEXT_OR_NULL,
               "base_name": TEXT_OR_NULL, "layers": [dict(LAYER, size_bytes=NUMBER)]},
    "os": OrNull({"id": TEXT_OR_NULL, "version": TEXT_OR_NULL, "codename": TEXT_OR_NULL, "name": TEXT_OR_NULL,
                  "namespace": TEXT_OR_NULL, "end_of_life": BOOL_OR_NULL}),
    "summary": {"packages": NUMBER, "packages_affected": NUMBER, "findings": NUMBER, "filtered_out": NUMBER, "fixed": NUMBER,
                "kev": NUMBER, "inferred": NUMBER, "not_assessed": NUMBER, "severity": {s: NUMBER for s in SEVERITIES},
                "checks": OrNull({"level": NUMBER, "passed": NUMBER, "failed": NUMBER, "not_assessed": NUMBER,
                                  "not_applicable": NUMBER, "ignored": NUMBER})},
    "packages": [{"id": NUMBER, "name": TEXT, "version": TEXT, "type": TEXT, "purl": TEXT, "arch": TEXT_OR_NULL,
                  "source": {"name": TEXT, "version": TEXT}, "module": TEXT_OR_NULL, "vendor": TEXT_OR_NULL,
                  "license": TEXT_OR_NULL, "evidence_path": TEXT_OR_NULL, "inner": TEXT_OR_NULL, "layer": OrNull(LAYER),
                  "owner": NUMBER_OR_NULL, "owner_foreign": BOOL}],
    "findings": [{"id": TEXT, "aliases": [TEXT], "package": TEXT, "package_id": NUMBER, "installed": TEXT, "fixed": TEXT_OR_NULL,
                  "status": TEXT, "severity": TEXT, "severity_source": TEXT_OR_NULL,
                  "cvss": OrNull({"score": ANY_NUMBER, "vector": TEXT_OR_NULL}),
                  "epss": OrNull({"score": ANY_NUMBER, "percentile": ANY_NUMBER + NONE}), "kev": BOOL, "title": TEXT_OR_NULL,
                  "source": {"feed": TEXT_OR_NULL, "namespace": TEXT_OR_NULL, "bulletin": TEXT_OR_NULL}, "reason": TEXT_OR_NULL,
                  "channel": TEXT_OR_NULL, "layer": LAYER_REFERENCE, "evidence_path": TEXT_OR_NULL, "inferred": BOOL,
                  "unimportant": BOOL}],
    "not_assessed": [{"what": TEXT, "path": TEXT_OR_NULL, "reason": TEXT, "layer": LAYER_REFERENCE}],
    "checks": [{"id": TEXT, "section": TEXT, "level": NUMBER, "result": TEXT, "wanted": TEXT, "found": TEXT_OR_NULL, "why": TEXT,
                "fix": TEXT, "ignored": TEXT_OR_NULL}],
    "data": {"database": TEXT_OR_NULL, "built": TEXT_OR_NULL,
             "feeds": [{"name": TEXT, "source": TEXT_OR_NULL, "date": TEXT_OR_NULL, "fetched": TEXT_OR_NULL,
                        "digest": TEXT_OR_NULL, "records": NUMBER, "warnings": NUMBER, "failure": TEXT_OR_NULL,
                        "consulted": BOOL}]},
}


def differences(shape, value, where):
    if isinstance(shape, OrNull):
        if value is not None:
            yield from differences(shape.shape, value, where)
    elif isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{where} is no object"
            return
        for key in sorted(shape.keys() ^ value.keys()):
            yield f"{where}.{key} is {'missing' if key in shape else 'not documented'}"
        for key in shape.keys() & value.keys():
            yield from differences(shape[key], value[key], f"{where}.{key}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{where} is no array"
            return
        for i, item in enumerate(value):
            yield from differences(shape[0], item, f"{where}[{i}]")
    elif type(value) not in shape:
        yield f"{where} is {value!r}"


def keys(shape):
    if isinstance(shape, OrNull):
        yield from keys(shape.shape)
    elif isinstance(shape, list):
        yield from keys(shape[0])
    elif isinstance(shape, dict):
        for key, inner in shape.items():
            yield key
            yield from keys(inner)


def consistent(report, where):
    """What the page promises beyond types."""
    packages = report["packages"]
    if [p["id"] for p in packages] != list(range(len(packages))):
        yield f"{where}: a package's id is not its index"
    for f in report["findings"]:
        p = packages[f["package_id"]]
        if (p["name"], p["version"]) != (f["package"], f["installed"]):
            yield f"{where}: {f['id']} names another package than package_id"
        if f["severity"] not in SEVERITIES:
            yield f"{where}: severity {f['severity']}"
    counts = report["summary"]
    if counts["findings"] != len(report["findings"]) or counts["packages"] != len(packages) or \
            counts["not_assessed"] != len(report["not_assessed"]) or sum(counts["severity"].values()) != counts["findings"]:
        yield f"{where}: the summary does not count what is there"


def checks_counted(report, where):
    counts = report["summary"]["checks"]
    answers = [c["result"] for c in report["checks"] if c["ignored"] is None]
    if counts is None and report["checks"]:
        yield f"{where}: checks, and no count of them"
    for result, key in (("pass", "passed"), ("fail", "failed"), ("not-assessed", "not_assessed"), ("not-applicable", "not_applicable")):
        if counts and counts[key] != answers.count(result):
            yield f"{where}: the summary counts {counts[key]} checks that {key}"


def main() -> int:
    page = set(re.findall(r'[`"]([a-z_]+)[`"]', open(sys.argv[1]).read()))
    found = [f"the page does not name {key}" for key in sorted(set(keys(REPORT)) - page)]
    for name in sys.argv[2:]:
        with open(name) as file:
            report = json.load(file)
        shape = list(differences(REPORT, report, name))
        found += shape or [*consistent(report, name), *checks_counted(report, name)]
    for line in found:
        print(line)
    print(f"{len(sys.argv) - 2} reports, {len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
