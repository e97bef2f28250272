"""Supply chains to judge: generated layouts with links, most of them in order, some with one thing or another wrong.

What is wrong is a `Twist`. Its `row` names the row of the compatibility page under which the two sides may come to
different verdicts because of it; a twist without a row must not make any difference between them.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import Envelope
from tests.compat.differential.keys import KINDS, KeyRing

__all__ = ["TWISTS", "Case", "cases", "change_signed", "envelope", "rule_rows", "write_case"]

Document = dict[str, Any]
Artifacts = dict[str, dict[str, str]]

FAR, PAST = "2100-01-01T00:00:00Z", "2001-01-01T00:00:00Z"
NAMES = (
    "a",
    "b",
    "lib/a",
    "lib/b",
    "src/lib/a",
    "src/a",
    "UP/A",
    ".x",
    "lib/.y",
    "dir with space/ü",
    "lib/[a]",
    "n\u0301",
)
STEP_NAMES = ("one", "two", "three", "Drei ünd", "a.b")
PATTERNS = (
    *("*", "*", "a", "b", "lib/*", "*/a", "?", "[ab]", "[!a]", "l?b/*", "*.x", "*a*", ".*", "lib/a", "src/*"),
    *(
        "[a-c]*",
        "[]]",
        "lib/[[]a]",
        "UP/A",
        "up/a",
        "no such",
        "{a}",
        "$a",
        "dir with space/*",
        "**",
        "lib/**",
        "n\u0301",
    ),
)
APART = {
    "D6": ("[^a]", "lib/[^b]*", "a\\b", "\\*", "[a", "lib/[", "[z-a]", "[b-a]*"),
    "D7": ("./a", "lib//a", "a/", "lib/../a", "../a", "/a", "./*", ".", ".."),
}
"""Patterns that custody refuses or reads otherwise, by row."""
PREFIXES = ("lib", "lib/", "src", "src/lib", "dir with space", "no", "UP")
APART_PREFIXES = {"D7": ("./lib", "lib//", "../lib", "/lib", "lib/../lib"), "D9": (".", "./")}
VERBS = ("CREATE", "DELETE", "MODIFY", "ALLOW", "DISALLOW", "REQUIRE")


@dataclass
class Signed:
    """A document with those who sign it."""

    document: Document
    signers: tuple[tuple[str, int], ...]
    dsse: bool
    after: list[Callable[[bytes], bytes]] = field(default_factory=list)
    """What is done to the file afterwards."""


@dataclass
class Case:
    """All that a verifier is given."""

    layout: Signed
    owners: tuple[tuple[str, int], ...]
    links: dict[str, Signed]
    final: dict[str, str]
    """What the inspected directory has: file and content."""
    links_inside: bool = False
    """Whether the links are in the inspected directory."""
    rows: set[str] = field(default_factory=set)
    """Why the two sides may differ."""
    refused: set[str] = field(default_factory=set)
    """Rows for which custody has to reject, whatever the reference does."""

    @property
    def has_sublayouts(self) -> bool:
        """Whether a layout stands in place of some link."""
        return any(link.document["_type"] == "layout" for link in self.links.values())


def digests(content: str) -> dict[str, str]:
    """Return the digest set of `content`."""
    return {"sha256": hashlib.sha256(content.encode()).hexdigest()}


def keyid_of(keys: KeyRing, who: tuple[str, int]) -> str:
    """Return the id of the key `who`."""
    return keys.key(*who).keyid


def envelope(keys: KeyRing, signed: Signed) -> bytes:
    """Return the file."""
    made: Envelope = DSSEEnvelope.wrap(signed.document) if signed.dsse else Metablock.wrap(signed.document)
    for who in signed.signers:
        key = keys.key(*who)
        made = made.with_signature(key.keyid, key.signer.sign(made.signed_bytes))
    data = made.write()
    for change in signed.after:
        data = change(data)
    return data


def change_signed(path: Path) -> None:
    """Change what is signed in a file, and nothing else."""
    document = json.loads(path.read_text())
    if "signed" in document:
        document["signed"]["name" if "name" in document["signed"] else "readme"] += "x"
    else:
        payload = json.loads(base64.b64decode(document["payload"]))
        payload["name" if "name" in payload else "readme"] += "x"
        document["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    path.write_text(json.dumps(document))


def write_case(case: Case, keys: KeyRing, place: Path) -> list[str]:
    """Write everything into `place`, and return how it is verified in its folder `final`."""
    (place / "final").mkdir(parents=True)
    (place / "root.layout").write_bytes(envelope(keys, case.layout))
    for name, content in case.final.items():
        path = place / "final" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    links = place / ("final" if case.links_inside else "links")
    for name, signed in case.links.items():
        path = links / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(envelope(keys, signed))
    owners = [str(keys.key(*who).public) for who in case.owners]
    return [
        "--layout",
        "../root.layout",
        "--verification-keys",
        *owners,
        "--link-dir",
        "." if case.links_inside else "../links",
    ]


# --- rules ----------------------------------------------------------------------------------------


def spelled(word: str) -> st.SearchStrategy[str]:
    """Return a keyword as people write it: case does not matter."""
    return st.sampled_from([word, word, word, word.lower(), word.capitalize()])


@st.composite
def prefixes(draw: st.DrawFn, *, apart: bool) -> str:
    """Return a prefix; `apart` also those that the two sides read differently."""
    strange = [each for group in APART_PREFIXES.values() for each in group]
    return str(draw(st.sampled_from([*PREFIXES, *(strange if apart else ())])))


@st.composite
def match_rules(draw: st.DrawFn, names: Sequence[str], pattern: str, *, apart: bool) -> list[str]:
    """Return a MATCH rule of one of its four shapes."""
    rule = [draw(spelled("MATCH")), pattern]
    if draw(st.booleans()):
        rule += [draw(spelled("IN")), draw(prefixes(apart=apart))]
    rule += [draw(spelled("WITH")), draw(spelled(draw(st.sampled_from(["MATERIALS", "PRODUCTS"]))))]
    if draw(st.booleans()):
        rule += [draw(spelled("IN")), draw(prefixes(apart=apart))]
    return [*rule, draw(spelled("FROM")), draw(st.sampled_from([*names, "nowhere"]))]


@st.composite
def rule_lists(
    draw: st.DrawFn, names: Sequence[str], artifacts: Sequence[str], *, apart: bool = False
) -> list[list[str]]:
    """Return rules for an item with these artifacts; most lists are kept by what is there."""
    strange = [each for group in APART.values() for each in group]
    patterns = st.sampled_from([*PATTERNS, *artifacts, *(strange if apart else ())])
    rules = []
    for _ in range(draw(st.integers(0, 4))):
        verb = draw(st.sampled_from([*VERBS, "MATCH", "MATCH", "MATCH", "ALLOW", "CREATE"]))
        pattern = draw(patterns)
        if verb == "REQUIRE" and artifacts and draw(st.integers(0, 3)):
            pattern = draw(st.sampled_from(list(artifacts)))
        if verb == "DISALLOW" and draw(st.integers(0, 3)):
            pattern = "no such *"
        if verb == "MATCH":
            rules.append(draw(match_rules(names, pattern, apart=apart)))
        else:
            rules.append([draw(spelled(verb)), pattern])
    end = draw(st.sampled_from([[], [], [["ALLOW", "*"]], [["DISALLOW", "*"]]]))
    return rules + end


def rule_rows(rules: Sequence[Sequence[str]]) -> set[str]:
    """Return the rows for which custody reads rules differently: for a pattern, or for how a prefix is spelled."""
    rows = set()
    for rule in rules:
        words = [word.upper() for word in rule]
        if words[0] != "REQUIRE" and unclear(rule[1]):
            rows.add("D6")
        if words[0] != "REQUIRE" and untidy(rule[1]):
            rows.add("D7")
        for number in (2, 4, 6):
            if words[0] == "MATCH" and number < len(rule) - 2 and words[number] == "IN":
                prefix = rule[number + 1]
                rows |= {"D9"} if prefix in {".", "./"} else {"D7"} if untidy(prefix) else set()
    return rows


def layout_rows(case: Case) -> set[str]:
    """Return the rows for which custody judges a layout otherwise, as it stands: its rules, and its sublayouts."""
    layout = case.layout.document
    rows = set()
    for item in [*layout["steps"], *layout["inspect"]]:
        rows |= rule_rows([*item["expected_materials"], *item["expected_products"]])
    layouts = [layout, *(link.document for link in case.links.values() if link.document["_type"] == "layout")]
    if any(layouts.count(each) > 1 for each in layouts):
        rows.add("D17")  # a layout counts once, and is not its own sublayout
    for step in layout["steps"]:
        names = [f"{step['name']}.{keyid:.8}.link" for keyid in step["pubkeys"]]
        said = [case.links[name].document for name in names if name in case.links]
        if len(said) > 1 and any(each["_type"] == "layout" for each in said):
            rows |= {"D12", "D18"}  # what it comes to is not what the others say, and it may be rejected
        elif any(said[0].get(kind) != each.get(kind) for each in said for kind in ("materials", "products")):
            rows.add("D12")
    if case.links_inside and rows & {"D12", "D18"}:
        rows.add("A4")  # links that do not count are seen by inspections
    return rows


def unclear(pattern: str) -> bool:
    """Return whether the pattern means something else to other verifiers (D6), as the facts put it."""
    if "\\" in pattern or "[^" in pattern:
        return True
    found = re.sub(r"\[!?\]?[^\]]*\]", lambda each: "" if not backwards(each[0]) else "[", pattern)
    return "[" in found


def backwards(text: str) -> bool:
    """Return whether a set has a range that ends before it begins."""
    return any(low > high for low, high in re.findall(r"(.)-(.)", text[1:-1]))


def untidy(path: str) -> bool:
    """Return whether a path could be written shorter, or leads outside (D7)."""
    return path.startswith("/") or path.endswith("/") or any(part in {"", ".", ".."} for part in path.split("/"))


# --- chains ---------------------------------------------------------------------------------------


@st.composite
def artifact_sets(draw: st.DrawFn) -> dict[str, str]:
    """Return files: names and contents."""
    return draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from("012"), max_size=4))


@st.composite
def changed(draw: st.DrawFn, files: Mapping[str, str]) -> dict[str, str]:
    """Return what a step made of `files`: some kept, some modified, some deleted, some new."""
    kept = {name: draw(st.sampled_from([content, content, content + "'"])) for name, content in files.items()}
    gone = draw(st.sets(st.sampled_from(sorted(kept)), max_size=1)) if kept else set()
    return {name: content for name, content in (kept | draw(artifact_sets())).items() if name not in gone}


def link_document(
    name: str, materials: Mapping[str, str], products: Mapping[str, str], command: Sequence[str]
) -> Document:
    """Return a link."""
    return {
        "_type": "link",
        "name": name,
        "command": list(command),
        "materials": {path: digests(content) for path, content in materials.items()},
        "products": {path: digests(content) for path, content in products.items()},
        "byproducts": {"stdout": "", "stderr": "", "return-value": 0},
        "environment": {},
    }


@st.composite
def functionaries(draw: st.DrawFn, *, most: int) -> list[tuple[str, int]]:
    """Return different keys, Ed25519 mostly."""
    kinds = st.sampled_from(["ed25519"] * 4 + list(KINDS))
    return draw(st.lists(st.tuples(kinds, st.integers(1, 3)), min_size=1, max_size=most, unique=True))


@st.composite
def cases(draw: st.DrawFn, keys: KeyRing, *, twists: Sequence[str] = (), depth: int = 1, apart: bool = False) -> Case:
    """Return a chain that is in order but for its rules, which may or may not hold, and for these `twists`.

    `apart`: with patterns and prefixes that the two sides are known to read differently.
    """
    names = draw(st.lists(st.sampled_from(STEP_NAMES), min_size=1, max_size=3, unique=True))
    layout: Document = {"_type": "layout", "expires": FAR, "readme": "", "keys": {}, "steps": [], "inspect": []}
    owners = draw(st.sampled_from([(("ed25519", 0),), (("rsa", 0),), (("p256", 0), ("ed25519", 0))]))
    case = Case(
        layout=Signed(layout, owners, draw(st.booleans())),
        owners=owners,
        links={},
        final={},
        links_inside=not twists and draw(st.booleans()),
    )
    files = draw(artifact_sets())
    for name in names:
        materials = draw(st.sampled_from([files, files, {}])) if draw(st.integers(0, 4)) else draw(artifact_sets())
        products = draw(changed(materials))
        _add_step(draw, case, keys, names, name, materials=materials, products=products, depth=depth, apart=apart)
        files = products
    case.final = draw(st.sampled_from([dict(files), {**files, "more": "0"}]))
    if depth and draw(st.booleans()):
        _add_inspection(draw, case, [*names, "check"], apart=apart)
    for twist in sorted(set(twists), key=list(TWISTS).index):
        applied = TWISTS[twist].apply(draw, case, keys)
        if applied and TWISTS[twist].row:
            case.rows.add(TWISTS[twist].row)
        if applied and TWISTS[twist].refused:
            case.refused.add(TWISTS[twist].row)
    found = layout_rows(case)
    case.rows |= found
    case.refused |= found & {"D6"}
    return case


def _add_step(
    draw: st.DrawFn,
    case: Case,
    keys: KeyRing,
    names: Sequence[str],
    name: str,
    *,
    materials: dict[str, str],
    products: dict[str, str],
    depth: int,
    apart: bool,
) -> None:
    who = draw(functionaries(most=3))
    command = draw(st.sampled_from([[], ["make"], ["make", "all"]]))
    layout = case.layout.document
    layout["keys"] |= {keyid_of(keys, each): keys.key(*each).document() for each in who}
    layout["steps"].append(
        {
            "_type": "step",
            "name": name,
            "threshold": draw(st.integers(1, len(who))),
            "pubkeys": [keyid_of(keys, each) for each in who],
            "expected_command": draw(st.sampled_from([command, ["make"]])),
            "expected_materials": draw(rule_lists(names, sorted(materials), apart=apart)),
            "expected_products": draw(rule_lists(names, sorted(products), apart=apart)),
        }
    )
    for each in who:
        file = f"{name}.{keyid_of(keys, each):.8}"
        if depth and draw(st.integers(0, 9)) == 0:
            inner = draw(cases(keys, depth=depth - 1))
            inner.layout.signers = (each,)
            case.links[f"{file}.link"] = inner.layout
            case.links |= {f"{file}/{path}": link for path, link in inner.links.items()}
            case.rows |= inner.rows
        else:
            document = link_document(name, materials, products, command)
            case.links[f"{file}.link"] = Signed(document, (each,), draw(st.booleans()))


def _add_inspection(draw: st.DrawFn, case: Case, names: Sequence[str], *, apart: bool) -> None:
    command = draw(
        st.sampled_from(
            [
                ["true"],
                ["true"],
                ["true"],
                ["false"],
                ["sh", "-c", "printf 0 > seen"],
                ["sh", "-c", "rm -f a"],
                ["no-such-program"],
            ]
        )
    )
    case.layout.document["inspect"].append(
        {
            "_type": "inspection",
            "name": "check",
            "run": command,
            "expected_materials": draw(rule_lists(names, sorted(case.final), apart=apart)),
            "expected_products": draw(rule_lists(names, sorted(case.final), apart=apart)),
        }
    )


# --- twists ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Twist:
    """One thing that is wrong, or only unusual; `apply` returns whether it could be done to this case."""

    apply: Callable[[st.DrawFn, Case, KeyRing], bool]
    row: str = ""
    refused: bool = False
    """Whether custody rejects every such case."""


def some_link(draw: st.DrawFn, case: Case) -> Signed:
    """Return one of the links of the layout itself."""
    outer = sorted(name for name in case.links if "/" not in name)
    return case.links[draw(st.sampled_from(outer))]


def a_real_link(draw: st.DrawFn, case: Case) -> Document | None:
    """Return the document of a link that is no sublayout."""
    document = some_link(draw, case).document
    return document if document["_type"] == "link" else None


def change_artifacts(change: Callable[[st.DrawFn, Artifacts], None]) -> Callable[[st.DrawFn, Case, KeyRing], bool]:
    """Return what changes the materials or the products of a link before it is signed."""

    def apply(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
        link = a_real_link(draw, case)
        artifacts = link[draw(st.sampled_from(["materials", "products"]))] if link else {}
        if not artifacts:
            return False
        change(draw, artifacts)
        return True

    return apply


def change_file(
    change: Callable[[bytes], bytes], *, of_layout: bool = False
) -> Callable[[st.DrawFn, Case, KeyRing], bool]:
    """Return what changes the bytes of a file after it was signed."""

    def apply(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
        (case.layout if of_layout else some_link(draw, case)).after.append(change)
        return True

    return apply


def change_layout(**fields: object) -> Callable[[st.DrawFn, Case, KeyRing], bool]:
    """Return what sets fields of the layout before it is signed."""

    def apply(_draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
        case.layout.document |= copy.deepcopy(fields)
        return True

    return apply


def change_step(**fields: object) -> Callable[[st.DrawFn, Case, KeyRing], bool]:
    """Return what sets fields of a step before the layout is signed."""

    def apply(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
        draw(st.sampled_from(case.layout.document["steps"])).update(copy.deepcopy(fields))
        return True

    return apply


def _other_digest(draw: st.DrawFn, artifacts: Artifacts) -> None:
    artifacts[draw(st.sampled_from(sorted(artifacts)))] = digests("other")


def _one_less(draw: st.DrawFn, artifacts: Artifacts) -> None:
    del artifacts[draw(st.sampled_from(sorted(artifacts)))]


def _one_more(_draw: st.DrawFn, artifacts: Artifacts) -> None:
    artifacts["evil"] = digests("evil")


def _upper(draw: st.DrawFn, artifacts: Artifacts) -> None:
    name = draw(st.sampled_from(sorted(artifacts)))
    artifacts[name] = {"sha256": artifacts[name]["sha256"].upper()}


def _second_algorithm(draw: st.DrawFn, artifacts: Artifacts) -> None:
    name = draw(st.sampled_from(sorted(artifacts)))
    artifacts[name] = {**artifacts[name], "sha512": hashlib.sha512(name.encode()).hexdigest()}


def _no_digest(draw: st.DrawFn, artifacts: Artifacts) -> None:
    artifacts[draw(st.sampled_from(sorted(artifacts)))] = {}


def _malformed_path(draw: st.DrawFn, artifacts: Artifacts) -> None:
    artifacts[draw(st.sampled_from(["./a", "lib//a", "lib/", "lib/../a", "//a"]))] = digests("0")


def _unusual_path(draw: st.DrawFn, artifacts: Artifacts) -> None:
    artifacts[draw(st.sampled_from(["../a", "/a", "/usr/lib/a", "../../lib/a"]))] = digests("0")


def _missing_link(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    del case.links[draw(st.sampled_from(sorted(case.links)))]
    return True


def _stranger(draw: st.DrawFn, case: Case, keys: KeyRing) -> bool:
    """Somebody who is not authorised performed a step, too."""
    name = draw(st.sampled_from([step["name"] for step in case.layout.document["steps"]]))
    who = ("ed25519", 9)
    document = link_document(name, {}, {"evil": "evil"}, [])
    case.links[f"{name}.{keyid_of(keys, who):.8}.link"] = Signed(document, (who,), draw(st.booleans()))
    return True


def _stranger_inside(_draw: st.DrawFn, case: Case, keys: KeyRing) -> bool:
    """A file called like a link lies where inspections look."""
    signed = Signed(link_document("other", {}, {}, []), (("ed25519", 9),), dsse=False)
    case.links_inside = True
    case.links[f"other.{keyid_of(keys, ('ed25519', 9)):.8}.link"] = signed
    return True


def _signed_by_stranger(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    some_link(draw, case).signers = (("ed25519", 9),)
    return True


def _signed_by_two(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    link = some_link(draw, case)
    link.signers = draw(st.permutations([*link.signers, ("ed25519", 9)]).map(tuple))
    return True


def _unsigned(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    some_link(draw, case).signers = ()
    return True


def _renamed(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    link = a_real_link(draw, case)
    if link is None:
        return False
    link["name"] = draw(st.sampled_from(["other", "", link["name"].upper()]))
    return True


def _owner_missing(_draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    case.layout.signers = case.layout.signers[1:]
    return True


def _owner_unknown(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    case.owners = draw(st.sampled_from([(*case.owners, ("ed25519", 9)), (("ed25519", 9),)]))
    return True


def _owner_more(_draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    case.layout.signers = (*case.layout.signers, ("ed25519", 9))
    return True


def _key_missing(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    keys = case.layout.document["keys"]
    del keys[draw(st.sampled_from(sorted(keys)))]
    return True


def _failed(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    link = a_real_link(draw, case)
    if link is None:
        return False
    link["byproducts"]["return-value"] = draw(st.sampled_from([1, -9, 247]))
    return True


def _dissent(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    """One of several functionaries has other products."""
    for step in case.layout.document["steps"]:
        if len(step["pubkeys"]) > 1:
            link = case.links[f"{step['name']}.{draw(st.sampled_from(step['pubkeys'])):.8}.link"]
            if link.document["_type"] == "link":
                _one_more(draw, link.document["products"])
                return True
    return False


def _bad_then_good(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    link = some_link(draw, case)
    link.after.append(lambda data: _copy_signature(data, bad_first=True))
    return True


def _copy_signature(data: bytes, *, bad_first: bool) -> bytes:
    try:
        document = json.loads(data)
        good = document["signatures"][0]
    except (ValueError, LookupError):  # another twist took them
        return data
    flipped = {"A": "B", "0": "1"}.get(good["sig"][8], "A" if "payload" in document else "0")
    bad = {**good, "sig": good["sig"][:8] + flipped + good["sig"][9:]}
    document["signatures"] = [bad, good] if bad_first else [bad]
    return json.dumps(document).encode()


def _unknown_link_field(draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    link = a_real_link(draw, case)
    if link is None:
        return False
    link["more"] = {"x": 1}
    return True


def _two_ids(_draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    """One key stands in the layout twice, and both its links are there."""
    step = case.layout.document["steps"][0]
    first = step["pubkeys"][0]
    entry = case.layout.document["keys"].get(first)
    link = case.links.get(f"{step['name']}.{first:.8}.link")
    if entry is None or link is None or link.document["_type"] != "link":
        return False
    second = "f" * 64
    case.layout.document["keys"][second] = {**entry, "keyid": second}
    step["pubkeys"].append(second)
    step["threshold"] = len(step["pubkeys"])
    renamed = Signed(
        link.document,
        link.signers,
        link.dsse,
        [*link.after, lambda data: data.replace(first.encode(), second.encode())],
    )
    case.links[f"{step['name']}.{second:.8}.link"] = renamed
    return True


def _no_steps(_draw: st.DrawFn, case: Case, _keys: KeyRing) -> bool:
    case.layout.document["steps"] = []
    return True


TWISTS: Mapping[str, Twist] = {
    # What both sides see alike.
    "other digest": Twist(change_artifacts(_other_digest)),
    "artifact missing": Twist(change_artifacts(_one_less)),
    "artifact more": Twist(change_artifacts(_one_more)),
    "unusual path": Twist(change_artifacts(_unusual_path)),
    "a stranger's link": Twist(_stranger),
    "signed by a stranger": Twist(_signed_by_stranger),
    "signed by two": Twist(_signed_by_two),
    "unsigned": Twist(_unsigned),
    "owner's signature missing": Twist(_owner_missing),
    "owner unknown": Twist(_owner_unknown),
    "one more signature on the layout": Twist(_owner_more),
    "step failed": Twist(_failed),
    "link's signature broken": Twist(change_file(lambda data: _copy_signature(data, bad_first=False))),
    "layout's signature broken": Twist(
        change_file(lambda data: _copy_signature(data, bad_first=False), of_layout=True)
    ),
    "expired": Twist(change_layout(expires=PAST)),
    "readme": Twist(change_layout(readme='Überblick: {a} "quoted" \\ \n')),
    # What custody sees otherwise, and why.
    "no expiry": Twist(change_layout(expires=""), "D1", refused=True),
    "expiry of another form": Twist(change_layout(expires="2100-01-01T00:00:00+00:00"), "D1", refused=True),
    "unknown field in a step": Twist(change_step(more="x"), "D2", refused=True),
    "unknown field in a link": Twist(_unknown_link_field, "D2"),
    "malformed path": Twist(change_artifacts(_malformed_path), "D7"),
    "digest in capitals": Twist(change_artifacts(_upper), "D11"),
    "second algorithm": Twist(change_artifacts(_second_algorithm), "D11"),
    "no digest": Twist(change_artifacts(_no_digest), "D11"),
    "dissent": Twist(_dissent, "D12"),
    "not JSON": Twist(change_file(lambda data: data[:-3]), "D13"),
    "threshold 0": Twist(change_step(threshold=0), "D14", refused=True),
    "bad signature before the good": Twist(_bad_then_good, "D15"),
    "one key under two ids": Twist(_two_ids, "D16", refused=True),
    "link of another name": Twist(_renamed, "D17"),
    "key missing from the layout": Twist(_key_missing),
    # What leaves other twists nothing to do, so it comes last.
    "link missing": Twist(_missing_link),
    "no steps": Twist(_no_steps, "A2", refused=True),
    "a stranger's link in the inspected folder": Twist(_stranger_inside, "A4"),
}
