from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from custody.encoding.instants import MAX_CLOCK_SKEW, write_instant
from custody.envelopes.reader import digest_of
from custody.models.link import Link
from custody.verdict import Finding, Reason
from custody.verification.case import Demands, Evidence, UnreadableError
from custody.verification.judge import judge
from tests.simulator import AT, Simulator, actor, link_name, signed, two_steps

NAME = link_name("build", actor("bob"))


def one_step() -> Simulator:
    chain = Simulator()
    chain.step("build", "bob")
    chain.layout = chain.layout.replace(keys={**chain.layout.keys, actor("carol").keyid: actor("carol").public_key})
    return chain


def skipped(chain: Simulator) -> Finding:
    """Return why the only evidence is not counted."""
    verdict = chain.judge()
    finding, last = verdict.rejections
    assert last.reason is Reason.TOO_FEW_FUNCTIONARIES
    assert finding.evidence == NAME
    assert finding.message.startswith(NAME)
    return finding


def _unsigned(chain: Simulator) -> None:
    chain.files[NAME] = signed(Link(name="build").document()).write()


def _by_stranger(chain: Simulator) -> None:
    chain.perform("build", "mallory", file=NAME)


def _by_another_functionary(chain: Simulator) -> None:
    chain.perform("build", "carol", file=NAME)


def _nameless(chain: Simulator) -> None:
    envelope = signed(Link(name="build").document())
    chain.files[NAME] = envelope.with_signature("", actor("mallory").sign(envelope.signed_bytes)).write()


def _changed(chain: Simulator) -> None:
    chain.files[NAME] = chain.files[NAME].replace(b'"stdout"', b'"std"').replace(b'"command": []', b'"command": ["x"]')


def _statement(chain: Simulator) -> None:
    chain.put("build", "bob", {"_type": "https://in-toto.io/Statement/v1"})


def _without_type(chain: Simulator) -> None:
    chain.put("build", "bob", {"name": "build"})


def _wrong_payload(chain: Simulator) -> None:
    bob = actor("bob")
    envelope = signed(Link(name="build").document(), dsse=True).replace(payload_type="text/plain")
    chain.files[NAME] = envelope.with_signature(bob.keyid, bob.sign(envelope.signed_bytes)).write()


def _no_artifacts(chain: Simulator) -> None:
    chain.put("build", "bob", {"_type": "link", "name": "build", "command": []})


CASES: dict[str, tuple[Callable[[Simulator], None], Reason, str]] = {
    "unsigned": (_unsigned, Reason.SIGNATURE_MISSING, "not signed"),
    "by a stranger": (_by_stranger, Reason.KEY_NOT_AUTHORISED, f"key id {actor('mallory').keyid[:8]}"),
    "by another functionary": (_by_another_functionary, Reason.KEY_NOT_AUTHORISED, "not among the step's"),
    "without a key id": (_nameless, Reason.KEY_NOT_AUTHORISED, "it gives no key id"),
    "changed": (_changed, Reason.SIGNATURE_INVALID, "changed after it was signed"),
    "a statement": (_statement, Reason.LINK_MALFORMED, "subject: missing"),
    "without a type": (_without_type, Reason.LINK_MALFORMED, "None"),
    "of another payload type": (_wrong_payload, Reason.PAYLOAD_TYPE_WRONG, "'text/plain'"),
    "without artifacts": (_no_artifacts, Reason.LINK_MALFORMED, "materials: missing"),
}


@pytest.mark.parametrize("case", CASES)
def test_evidence_that_does_not_count_says_why(case: str) -> None:
    change, reason, said = CASES[case]
    chain = one_step()
    chain.judge().require()
    change(chain)
    finding = skipped(chain)
    assert finding.reason is reason
    assert said in finding.message


def test_a_signature_counts_whatever_key_id_is_written_beside_it() -> None:
    chain = one_step()
    document = json.loads(chain.files[NAME])
    for hint in ("", "nonsense", actor("carol").keyid):
        document["signatures"][0]["keyid"] = hint
        chain.files[NAME] = json.dumps(document).encode()
        assert chain.judge().require().steps[0].signers == (actor("bob").keyid,)
    document["signatures"][0]["sig"] = "00" * 64
    chain.files[NAME] = json.dumps(document).encode()
    assert skipped(chain).reason is Reason.KEY_NOT_AUTHORISED


class OnFire:
    def read(self) -> bytes:
        raise UnreadableError("cannot read link: it is on fire")

    def digest(self, algorithm: str) -> str:
        raise NotImplementedError(algorithm)


def test_evidence_that_could_not_be_read_is_skipped_with_the_reason() -> None:
    chain = one_step()
    case = chain.case()
    judge(case).require()
    trouble = Evidence(source=NAME, content=OnFire())
    verdict = judge(case.replace(evidence={"build": (trouble,)}))
    assert verdict.reasons == {Reason.LINK_UNREADABLE, Reason.TOO_FEW_FUNCTIONARIES}
    assert "on fire" in verdict.rejections[0].message
    both = judge(case.replace(evidence={"build": (trouble, *case.evidence["build"])})).require()
    assert Reason.LINK_UNREADABLE in {finding.reason for finding in both.findings}


@pytest.mark.parametrize(
    ("age", "counts"),
    [
        (timedelta(days=2), True),
        (timedelta(days=2, seconds=1), False),
        (timedelta(0), True),
        (-MAX_CLOCK_SKEW, True),
        (-MAX_CLOCK_SKEW - timedelta(seconds=1), False),
    ],
)
def test_a_maximum_age_counts_from_when_a_link_says_it_was_finished(age: timedelta, counts: bool) -> None:
    chain = one_step()
    chain.perform("build", "bob", environment={"finishedOn": write_instant(AT - age)})
    chain.judge().require()
    chain.demands = Demands(max_age=timedelta(days=2))
    if counts:
        chain.judge().require()
    else:
        assert skipped(chain).reason is Reason.LINK_TOO_OLD


def test_the_findings_of_a_sublayout_that_is_rejected_come_with_the_artifacts() -> None:
    inner = two_steps()
    chain = Simulator()
    chain.step("all", "bob", perform=False)
    chain.sublayout("all", "bob", inner)
    chain.judge().require()
    inner.perform("build", "bob", materials={"src/a.py": "evil"}, products={"out": "2"})
    chain.sublayout("all", "bob", inner)
    finding = chain.judge().rejections[0]
    assert finding.reason is Reason.SUBLAYOUT_REJECTED
    assert "step 'all' > step 'build'" in finding.message
    assert [artifact.name for artifact in finding.artifacts] == ["src/a.py"]


def test_the_digest_of_a_document_does_not_depend_on_its_signatures() -> None:
    document = two_steps().document()
    assert digest_of(signed(document)) == digest_of(signed(document, actor("owner"), actor("ann")))
    assert digest_of(signed(document)) != digest_of(signed(document | {"readme": "x"}))


def test_hundreds_of_bad_signatures_cost_a_bounded_time_and_hide_no_good_one_that_names_its_key() -> None:
    chain = Simulator()
    names = [f"f{n}" for n in range(150)]
    chain.step("build", *names, perform=False)
    envelope = signed(Link(name="build").document())
    for number in range(200):
        envelope = envelope.with_signature(f"{number}", b"\0" * 64)
    last = actor(names[-1])
    chain.files["build.x.link"] = envelope.write()
    before = time.process_time()
    assert not chain.judge().accepted
    assert time.process_time() - before < 5
    good = envelope.with_signature(last.keyid, last.sign(envelope.signed_bytes))
    chain.files["build.x.link"] = good.write()
    assert chain.judge().require().steps[0].signers == (last.keyid,)
