"""The version orders of dpkg, rpm and apk, written from their documents and apart from src/vuln/version."""
import re
from functools import cmp_to_key


def sign(a, b):
    return (a > b) - (a < b)


def _dpkg_part(a, b):
    """deb-version(7): runs of non-digits and of digits, '~' before the end, letters before the rest."""
    def order(c):
        return -1 if c == "~" else 0 if c == "" else ord(c) if c.isalpha() else ord(c) + 256
    while a or b:
        head_a, head_b = re.match(r"\D*", a)[0], re.match(r"\D*", b)[0]
        for i in range(max(len(head_a), len(head_b))):
            r = sign(order(head_a[i:i + 1]), order(head_b[i:i + 1]))
            if r:
                return r
        a, b = a[len(head_a):], b[len(head_b):]
        number_a, number_b = re.match(r"\d*", a)[0], re.match(r"\d*", b)[0]
        r = sign(int(number_a or 0), int(number_b or 0))
        if r:
            return r
        a, b = a[len(number_a):], b[len(number_b):]
    return 0


def dpkg(a, b):
    def split(v):
        epoch, colon, rest = v.partition(":")
        if not colon:
            epoch, rest = "0", v
        upstream, dash, revision = rest.rpartition("-")
        return (int(epoch), upstream, revision) if dash else (int(epoch), rest, "")
    x, y = split(a), split(b)
    return sign(x[0], y[0]) or _dpkg_part(x[1], y[1]) or _dpkg_part(x[2], y[2])


def _rpm_part(a, b):
    """rpm-version(7)"""
    while a or b:
        a, b = re.sub(r"^[^A-Za-z0-9~^]+", "", a), re.sub(r"^[^A-Za-z0-9~^]+", "", b)
        if a[:1] == "~" or b[:1] == "~":
            if a[:1] != b[:1]:
                return -1 if a[:1] == "~" else 1
            a, b = a[1:], b[1:]
            continue
        if a[:1] == "^" or b[:1] == "^":
            if a[:1] == b[:1]:
                a, b = a[1:], b[1:]
                continue
            if a[:1] == "^":
                return 1 if not b else -1
            return -1 if not a else 1
        if not a or not b:
            break
        kind = r"\d+" if a[0].isdigit() else r"[A-Za-z]+"
        run_a = re.match(kind, a)[0]
        match_b = re.match(kind, b)
        if not match_b:
            return 1 if a[0].isdigit() else -1
        run_b = match_b[0]
        r = sign(int(run_a), int(run_b)) if run_a.isdigit() else sign(run_a, run_b)
        if r:
            return r
        a, b = a[len(run_a):], b[len(run_b):]
    return sign(bool(a), bool(b))


def rpm(a, b):
    def split(v):
        epoch, colon, rest = v.partition(":")
        if not colon:
            epoch, rest = "0", v
        version, _, release = rest.partition("-")
        return int(epoch), version, release
    x, y = split(a), split(b)
    return sign(x[0], y[0]) or _rpm_part(x[1], y[1]) or _rpm_part(x[2], y[2])


APK = re.compile(r"^(\d+(?:\.\d+)*)([a-z]?)((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?$")
SUFFIX = {"alpha": -4, "beta": -3, "pre": -2, "rc": -1, "": 0, "cvs": 1, "svn": 2, "git": 3, "hg": 4, "p": 5}


def apk_valid(v):
    return APK.match(v) is not None


def apk(a, b):
    """apk-package(5): numbers (a later one with a leading zero is compared as text), letter, suffixes, -rN."""
    def parts(v):
        numbers, letter, suffixes, release = APK.match(v).groups()
        found = [(SUFFIX[n], int(d or 0)) for n, d in re.findall(r"_([a-z]+)(\d*)", suffixes)]
        return numbers.split("."), letter, found, int(release or 0)
    x, y = parts(a), parts(b)
    for i, (m, n) in enumerate(zip(x[0], y[0])):
        text = i and (m[0] == "0" or n[0] == "0")
        r = sign(m.rstrip("0") if text else int(m), n.rstrip("0") if text else int(n))
        if r:
            return r
    r = sign(len(x[0]), len(y[0])) or sign(x[1], y[1])
    if r:
        return r
    none = (0, 0)
    for i in range(max(len(x[2]), len(y[2]))):
        r = sign(x[2][i] if i < len(x[2]) else none, y[2][i] if i < len(y[2]) else none)
        if r:
            return r
    return sign(x[3], y[3])


def highest(versions, compare):
    return max(versions, key=cmp_to_key(compare))


# ---- languages: keys that compare as the versions do ----

PEP440 = re.compile(
    r"v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?"
    r"(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?", re.I)


def pep440(text):
    """PEP 440; None for what is no version."""
    m = PEP440.fullmatch(text.strip())
    if not m:
        return None
    epoch, release, pre, pre_number, post_1, post, post_2, dev, dev_number, local = m.groups()
    release = [int(n) for n in release.split(".")]
    while release and release[-1] == 0:
        release.pop()
    has_post, low, high = post_1 is not None or post is not None, (-1,), (9,)
    if pre:
        letter = {"alpha": "a", "beta": "b", "preview": "rc", "pre": "rc", "c": "rc"}.get(pre.lower(), pre.lower())
        pre_key = ("a", "b", "rc").index(letter), int(pre_number or 0)
    else:
        pre_key = low if dev and not has_post else high
    parts = [(1, int(p), "") if p.isdigit() else (0, 0, p) for p in re.split(r"[-_.]", (local or "").lower())] if local else []
    return (int(epoch or 0), release, pre_key, (1, int(post_1 or post_2 or 0)) if has_post else (0, 0),
            (0, int(dev_number or 0)) if dev else (1, 0), (1, parts) if local else (0, []))


SEMVER = re.compile(r"[v=]*(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")


def semver(text):
    """Semantic Versioning 2.0.0, 11; missing numbers are 0."""
    m = SEMVER.fullmatch(text.strip())
    if not m:
        return None
    labels = [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in (m[4] or "").split(".")] if m[4] else []
    return tuple(int(m[i] or 0) for i in (1, 2, 3)), (0, labels) if m[4] else (1, [])


def maven(text):
    """POM reference, "version order specification", for texts whose qualifiers follow a '-' or a digit."""
    tokens, separator = [], "."
    for found in re.finditer(r"([.-])|(\d+)|([^.\-\d]+)", text.lower()):
        if found[1]:
            if separator is None:
                separator = found[1]
                continue
            tokens.append((separator, "0"))
            separator = found[1]
            continue
        tokens.append((separator or "-", found[0]))
        separator = None
    names = {"a": "alpha", "b": "beta", "m": "milestone"}
    out = []
    for i, (separator, token) in enumerate(tokens):
        if token in names and i + 1 < len(tokens) and tokens[i + 1][1].isdigit():
            token = names[token]
        out.append((separator, "" if token in ("ga", "final", "release") else "rc" if token == "cr" else token))
    def null(token):
        return token == "" or token.isdigit() and int(token) == 0
    kept = []
    for i, token in enumerate(out):
        if null(token[1]) and all(null(t) for s, t in out[i:next((j for j in range(i + 1, len(out)) if out[j][0] == "-"), len(out))]):
            continue
        kept.append(token)
    return MavenKey(kept)


class MavenKey:
    """Token by token; the shorter version is filled up with what means nothing where the longer has a token."""
    ORDER = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"]

    def __init__(self, tokens):
        self.tokens = tokens

    @staticmethod
    def rank(separator, token):
        if token.isdigit():
            return (8 if separator == "-" else 9, int(token), "")
        return (MavenKey.ORDER.index(token), 0, "") if token in MavenKey.ORDER else (7, 0, token)

    def compare(self, other):
        for i in range(max(len(self.tokens), len(other.tokens))):
            x, y = (t.tokens[i] if i < len(t.tokens) else None for t in (self, other))
            nothing = ((x or y)[0], "0" if (x or y)[1].isdigit() else "")
            r = sign(self.rank(*(x or nothing)), self.rank(*(y or nothing)))
            if r:
                return r
        return 0

    def __lt__(self, other):
        return self.compare(other) < 0

    def __le__(self, other):
        return self.compare(other) <= 0

    def __eq__(self, other):
        return self.compare(other) == 0


# ---- languages: comparisons ----

def key(compare):
    return cmp_to_key(compare)


def nuget(text):
    """"Package versioning", NuGet: Semantic Versioning with up to four numbers and labels without case."""
    m = re.fullmatch(r"v?(\d+(?:\.\d+){0,3})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", text.strip())
    if not m:
        return None
    numbers = ([int(n) for n in m[1].split(".")] + [0, 0, 0])[:4]
    labels = [(0, int(p), "") if p.isdigit() else (1, 0, p.lower()) for p in (m[2] or "").split(".")] if m[2] else []
    return tuple(numbers), (0, labels) if m[2] else (1, [])


def gem_segments(v):
    """Gem::Version#canonical_segments: zeros at the end of the numbers and of all do not count."""
    found = [int(s) if s.isdigit() else s for s in re.findall(r"\d+|[a-z]+", v.strip().replace("-", ".pre."), re.I)]
    text = next((i for i, s in enumerate(found) if isinstance(s, str)), len(found))
    def stripped(part):
        while part and part[-1] == 0:
            part = part[:-1]
        return part
    return stripped(found[:text]) + stripped(found[text:])


def gem(a, b):
    """Gem::Version#<=>"""
    x, y = gem_segments(a), gem_segments(b)
    for i in range(max(len(x), len(y))):
        m, n = x[i] if i < len(x) else 0, y[i] if i < len(y) else 0
        if isinstance(m, str) != isinstance(n, str):
            return -1 if isinstance(m, str) else 1
        if m != n:
            return sign(m, n)
    return 0


def gem_release(v):
    """Gem::Version#release: the numbers before the first letters."""
    return re.match(r"\d+(?:\.\d+)*", v)[0] if re.search(r"[a-zA-Z-]", v) else v


PHP_WORDS = (("dev", 0), ("alpha", 1), ("a", 1), ("beta", 2), ("b", 2), ("RC", 3), ("rc", 3), ("#", 4), ("pl", 5), ("p", 5))


def _php_word(word):
    return next((weight for head, weight in PHP_WORDS if word.startswith(head)), -1)


def php(a, b):
    """version_compare(), PHP manual"""
    def parts(v):
        v = re.sub(r"(\d)([^\d.])", r"\1.\2", re.sub(r"([^\d.])(\d)", r"\1.\2", re.sub(r"[-_+]", ".", v.strip().lstrip("vV"))))
        return [p for p in v.split(".") if p]
    x, y = parts(a), parts(b)
    for m, n in zip(x, y):
        if m.isdigit() and n.isdigit():
            r = sign(int(m), int(n))
        else:
            r = sign(_php_word("#" if m.isdigit() else m), _php_word("#" if n.isdigit() else n))
        if r:
            return r
    if len(x) == len(y):
        return 0
    longer, way = (x, 1) if len(x) > len(y) else (y, -1)
    rest = longer[min(len(x), len(y))]
    return way if rest.isdigit() else way * sign(_php_word(rest), _php_word("#"))
