# ruff: noqa: N802  # tests are named for the rows of docs/explanation/compatibility.md
"""Rows of the compatibility page: names that links can hold, command lines, exceptions, labels of ECDSA keys."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from custody.envelopes.metablock import Metablock
from custody.keys.document import write_key
from custody.models.link import Link
from tests.compat.sides import chain_of_two, new_chain
from tests.openpgp import Maker
from tests.simulator import Simulator, actor, digests, hashed, link_name

if TYPE_CHECKING:
    from tests.compat.sides import Place, Ran


def run(place: Place, *options: str) -> Ran:
    """Return how `in-toto-run` ended, as step `build` by alice."""
    return place.command("in-toto-run", "-n", "build", "--signing-key", place.key("alice"), *options)


def products(place: Place) -> dict[str, dict[str, str]]:
    """Return the products in the link that was written."""
    document = json.loads((place.final / link_name("build", actor("alice"))).read_text())
    recorded: dict[str, dict[str, str]] = document["signed"]["products"]
    return recorded


def put(place: Place, *names: str) -> None:
    """Write a file of each name into the final product."""
    for name in names:
        path = place.final / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")


@pytest.mark.parametrize(("path", "prefix", "left"), [("lib/a", "lib/a", ""), ("lib/dir:x", "lib/", "dir:x")])
def test_X11_what_is_left_of_a_name_has_to_be_a_path(place: Place, path: str, prefix: str, left: str) -> None:
    put(place, "lib/a", path)
    ran = run(place, "-p", path, "--lstrip-paths", prefix, "-x")
    assert ran.code == (1 if place.is_here else 0), ran.err
    if place.is_here:
        assert f"{left!r}, which is no path" in ran.err
        assert run(place, "-p", path, "-x").code == 0
        assert products(place) == hashed({path: "1"})
        assert run(place, "-p", "lib/a", "--lstrip-paths", "lib/", "-x").code == 0
        assert products(place) == hashed({"a": "1"})
    else:
        assert products(place) == hashed({left: "1"})


@pytest.mark.parametrize("prefix", ["lib/", "fits/nothing/"])
def test_X11_a_file_that_is_named_twice_is_no_clash(place: Place, prefix: str) -> None:
    put(place, "lib/a")
    ran = run(place, "-p", "lib", "lib/a", "--lstrip-paths", prefix, "-x")
    assert ran.code == (0 if place.is_here else 1), ran.err
    assert ("PrefixError" in ran.err) is place.side.is_reference
    assert run(place, "-p", "lib", "--lstrip-paths", prefix, "-x").code == 0
    assert products(place) == hashed({"lib/a".removeprefix(prefix): "1"})
    put(place, "a")
    ran = run(place, "-p", "a", "lib/a", "--lstrip-paths", "lib/", "-x")
    assert ran.code == 1
    assert "PrefixError" in ran.err


@pytest.mark.parametrize("name", ["dir:x", "file:x", "git:x", "oci:x", "ostree:x", "pkg:x"])
def test_X12_a_file_whose_name_reads_as_a_uri_is_refused(place: Place, name: str) -> None:
    put(place, "a", name)
    ran = run(place, "-p", ".", "-x")
    assert ran.code == (1 if place.is_here else 0)
    assert not place.is_here or f"{name!r}: every reader would take that for" in ran.err
    assert place.is_here or set(products(place)) == {"a", name}
    assert run(place, "-p", ".", "--exclude", name, "*.link", "-x").code == 0
    assert set(products(place)) == {"a"}
    (place.final / name).rename(place.final / "other:x")
    assert run(place, "-p", ".", "-x").code == 0
    assert set(products(place)) == {"a", "other:x"}


AMBIGUOUS = {
    "line feed": (f"a\n{digests('1')['sha256']}  b", ("a", "b")),
    "backslash": ("a\\b", ("a/b",)),
}
"""A name in a directory, and the files of another directory that has the same lines."""


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_X12_a_directory_is_not_recorded_by_lines_that_belong_to_another_one_as_well(place: Place, case: str) -> None:
    name, others = AMBIGUOUS[case]
    put(place, *(f"other/{each}" for each in others))
    assert run(place, "-p", "dir:other", "-x").code == 0
    other = products(place)["dir:other"]
    put(place, f"src/{name}")
    ran = run(place, "-p", "dir:src", "-x")
    assert ran.code == (1 if place.is_here else 0)
    if place.is_here:
        assert "line feed or a backslash" in ran.err
        assert run(place, "-p", "src", "-x").code == 0
        assert set(products(place)) == {f"src/{name}"}
        assert run(place, "-p", "dir:src", "--exclude", "a*", "-x").code == 0
        (place.final / "src" / name).rename(place.final / "src" / "plain")
        assert run(place, "-p", "dir:src", "-x").code == 0
        assert products(place)["dir:src"] != other
    else:
        assert products(place)["dir:src"] == other


@pytest.mark.parametrize("seconds", ["0", "-1"])
def test_X13_a_time_out_in_which_nothing_can_happen_is_noticed_before_the_command_runs(
    place: Place, seconds: str
) -> None:
    ran = run(place, "--run-timeout", seconds, "--", "sleep", "30")
    assert ran.code == 1
    assert ("TimeoutExpired" in ran.err) is place.side.is_reference
    assert ("expected more than 0 seconds" in ran.err) is place.is_here
    started = run(place, "--run-timeout", seconds, "--", "no-such-command")
    assert started.code == 1
    assert ("no-such-command" in started.err) is place.side.is_reference
    assert run(place, "--run-timeout", "30", "--", "true").code == 0
    assert run(place, "--", "true").code == 0


@pytest.mark.parametrize("older", ["--key", "--name", "--link-dir"])
def test_X14_an_option_in_two_spellings_is_refused(place: Place, older: str) -> None:
    alice = place.key("alice")
    values = {"--key": alice, "--name": "build", "--link-dir": "."}
    spelled = {"--key": "--signing-key", "--name": "--step-name", "--link-dir": "--metadata-directory"}
    line = [word for old in values for word in (spelled[old], values[old])]
    ran = place.command("in-toto-run", *line, older, values[older], "-x")
    assert ran.code == 2
    assert (f"both stand for {spelled[older]}" in ran.err) is place.is_here
    assert ("unrecognized arguments" in ran.err) is place.side.is_reference
    assert place.command("in-toto-run", *line, "-x").code == 0
    line[line.index(spelled[older])] = older
    assert place.command("in-toto-run", *line, "-x").code == (0 if place.is_here else 2)


CATCH = """
import json, sys
from in_toto.exceptions import SignatureVerificationError, ThresholdVerificationError
from in_toto.models.metadata import Metadata
from in_toto.verifylib import in_toto_verify
from securesystemslib.exceptions import FormatError
key = json.loads(sys.argv[1])
try:
    in_toto_verify(Metadata.load("../root.layout"), {key["keyid"]: key}, "../links")
except (FormatError, SignatureVerificationError, ThresholdVerificationError) as error:
    print("caught", type(error).__name__)
except Exception as error:
    print("missed", type(error).__name__)
else:
    print("accepted")
"""
"""A program that catches what the page says is raised here."""


def judged(place: Place, chain: Simulator, key: object = None) -> str:
    """Return what the program makes of what lies there."""
    return place.python(CATCH, json.dumps(key or write_key(chain.owner.public_key))).out.strip()


def test_X15_what_a_sublayout_failed_for_is_not_the_exception(place: Place) -> None:
    for rule, here, there in (
        ("CREATE out", "accepted", "accepted"),
        ("CREATE another", "caught ThresholdVerificationError", "missed RuleVerificationError"),
    ):
        inner, chain = new_chain(), new_chain()
        inner.step("compile", "carol", products={"out": "1"}, expected_products=[rule, "DISALLOW *"])
        chain.step("build", "bob", perform=False)
        chain.sublayout("build", "bob", inner)
        place.lay(chain)
        assert judged(place, chain) == (here if place.is_here else there)


def test_X15_a_layout_without_steps_is_a_format_error(place: Place) -> None:
    chain = new_chain()
    place.lay(chain)
    assert judged(place, chain) == ("caught FormatError" if place.is_here else "accepted")
    chain = chain_of_two()
    place.lay(chain)
    assert judged(place, chain) == "accepted"


def test_X15_an_expired_openpgp_key_of_an_owner_has_no_exception_of_its_own(place: Place) -> None:
    chain, owner = chain_of_two(), Maker("owner")
    layout = Metablock.wrap(chain.document())
    document = json.loads(layout.write())
    document["signatures"] = [owner.sign(layout.signed_bytes).entry()]
    place.lay(chain)
    (place.root / "root.layout").write_text(json.dumps(document))
    assert judged(place, chain, write_key(owner.key)) == "accepted"
    expired = write_key(owner.key.replace(validity=1))
    wanted = "caught SignatureVerificationError" if place.is_here else "missed KeyExpirationError"
    assert judged(place, chain, expired) == wanted


@pytest.mark.parametrize("text", ["", "{", "no JSON"])
def test_X15_what_is_no_json_is_a_format_error(place: Place, text: str) -> None:
    chain = chain_of_two()
    place.lay(chain)
    assert judged(place, chain) == "accepted"
    (place.root / "root.layout").write_text(text)
    assert judged(place, chain) == ("caught FormatError" if place.is_here else "missed JSONDecodeError")
    ran = place.verify()
    assert ran.code == 1
    assert ("FormatError: not JSON" in ran.err) is place.is_here


def test_X16_a_directory_for_links_that_is_missing_is_noticed_before_the_command_runs(place: Place) -> None:
    line = ("-d", "links", "--", "touch", "ran")
    ran = run(place, *line)
    assert ran.code == 1
    assert "FileNotFoundError" in ran.err
    assert (place.final / "ran").exists() is place.side.is_reference
    (place.final / "links").mkdir()
    assert run(place, *line).code == 0
    assert (place.final / "ran").exists()
    assert (place.final / "links" / link_name("build", actor("alice"))).exists()


KEYID = "ab" * 32
CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "ecdsa-sha2-nistp384": (ec.SECP384R1(), hashes.SHA384()),
    "ecdsa-sha2-nistp521": (ec.SECP521R1(), hashes.SHA512()),
}


def listing(
    scheme: str, private: ec.EllipticCurvePrivateKey, hash_algorithm: hashes.HashAlgorithm | None = None
) -> Simulator:
    """Return a chain whose step alice may perform, or an ECDSA key that is listed with `scheme`.

    That key has signed a link of it, over the digest by `hash_algorithm`, if one is given.
    """
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def add(document: dict[str, Any]) -> None:
        document["keys"][KEYID] = {
            "keyid": KEYID,
            "keytype": "ecdsa",
            "scheme": scheme,
            "keyval": {"public": pem},
        }
        document["steps"][0]["pubkeys"].append(KEYID)

    chain = new_chain()
    chain.step("make", "alice", perform=False)
    chain.document_changes.append(add)
    if hash_algorithm is not None:
        link = Metablock.wrap(Link(name="make").document())
        signature = private.sign(link.signed_bytes, ec.ECDSA(hash_algorithm))
        chain.files[f"make.{KEYID:.8}.link"] = link.with_signature(KEYID, signature).write()
    return chain


@pytest.mark.parametrize("scheme", CURVES)
def test_X17_a_key_on_another_curve_than_its_scheme_says_is_refused(place: Place, scheme: str) -> None:
    curve, own = CURVES[scheme]
    private = ec.generate_private_key(curve)
    for each in (own, hashes.SHA256()):
        wrong = listing("ecdsa-sha2-nistp256", private, each)
        place.expect(wrong, here=1, there=1, says=f"the key is for {scheme}", refuses="ThresholdVerificationError")
    wrong = listing("ecdsa-sha2-nistp256", private)
    wrong.perform("make", "alice")
    place.expect(wrong, here=1, there=0, says=f"the key is for {scheme}")
    place.expect(listing(scheme, private, own), here=0, there=0)
    place.expect(listing(scheme, private, hashes.SHA256()), here=1, there=1)


def test_X19_every_key_of_every_list_must_have_signed(place: Place) -> None:
    place.lay(chain_of_two())
    place.key("mallory")
    lists = ("--verification-keys", "../mallory.pub", "--verification-keys", "../owner.pub")
    ran = place.command("in-toto-verify", "-l", "../root.layout", "--link-dir", "../links", *lists)
    assert ran.code == (1 if place.is_here else 0), ran.err
    assert not place.is_here or "SignatureVerificationError" in ran.err
    assert place.verify().code == 0
