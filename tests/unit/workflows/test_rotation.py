"""Rotating a key: what counts before, meanwhile and afterwards, and who would vote twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from custody.errors import CustodyError, FormatError, UsageError
from custody.keys.document import read_key
from custody.keys.key import Key
from custody.models.layout import read_layout
from custody.verdict import Reason, Verdict
from custody.workflows.layout import LoadedLayout
from custody.workflows.rotation import Rotation, rotate_key
from tests.openpgp import Maker
from tests.simulator import AT, Simulator, actor, two_steps

OLD, NEW = actor("bob"), actor("bob's new key")
LATER = AT + timedelta(days=7)


def rotated(
    chain: Simulator,
    old: str = OLD.keyid,
    new: Key = NEW.public_key,
    *,
    keep_until: datetime | None = None,
) -> Rotation:
    """Rotate in the layout of the chain."""
    loaded = LoadedLayout(path="root.layout", layout=chain.layout)
    rotation = rotate_key(loaded, old, new, keep_until=keep_until, at=AT)
    chain.layout = read_layout(rotation.after.document())
    return rotation


def perform(chain: Simulator, who: str) -> None:
    """Perform the second step of `two_steps` once more."""
    chain.perform("build", who, materials={"src/a.py": "1"}, products={"src/a.py": "1", "out": "2"})


def judged(chain: Simulator, at: datetime = AT) -> Verdict:
    chain.at = at
    return chain.judge()


def several(threshold: int, *who: str) -> Simulator:
    """Return a chain of one step that wants several signatures."""
    chain = Simulator()
    chain.step("review", *who, threshold=threshold, products={"a": "1"}, expected_products=["CREATE a", "DISALLOW *"])
    return chain


def test_links_of_the_old_key_count_no_more_where_the_new_one_takes_its_place() -> None:
    chain = two_steps()
    judged(chain).require()
    rotation = rotated(chain)

    assert (OLD.keyid in chain.layout.keys, NEW.keyid in chain.layout.keys) == (False, True)
    assert chain.layout.steps[1].pubkeys == (NEW.keyid,)
    assert (rotation.old, rotation.steps, rotation.keeps_old) == (OLD.keyid, ("build",), False)
    assert rotation.said == f"the key {NEW.keyid} (ed25519) takes the place of {OLD.keyid} for 'build'"
    assert Reason.KEY_NOT_AUTHORISED in judged(chain).reasons

    perform(chain, NEW.name)
    judged(chain).require()


def test_links_of_both_keys_count_while_the_old_one_is_kept() -> None:
    chain = two_steps()
    rotation = rotated(chain, keep_until=LATER)

    assert chain.layout.steps[1].pubkeys == (OLD.keyid, NEW.keyid)
    assert list(chain.layout.keys) == [actor("alice").keyid, OLD.keyid, NEW.keyid]
    assert rotation.keeps_old
    assert rotation.said.endswith(
        "stands beside " + OLD.keyid + " for 'build'; the layout expires at 2030-01-08T00:00:00Z"
    )
    judged(chain).require()
    chain.remove("build", OLD.name)
    assert not judged(chain).accepted
    perform(chain, NEW.name)
    judged(chain).require()


def test_the_old_key_is_kept_no_longer_than_until_the_date() -> None:
    chain = two_steps()
    rotated(chain, keep_until=LATER)

    judged(chain, LATER - timedelta(seconds=1)).require()
    assert judged(chain, LATER).reasons == {Reason.LAYOUT_EXPIRED}


def test_a_date_after_the_layouts_expiry_does_not_extend_it() -> None:
    chain = two_steps()
    before = chain.layout.expires
    rotated(chain, keep_until=before + timedelta(days=1))

    assert chain.layout.expires == before


def test_without_a_date_the_expiry_stays() -> None:
    chain = two_steps()
    before = chain.layout.expires
    rotated(chain)

    assert chain.layout.expires == before


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=-1)])
def test_a_date_that_is_past_is_refused(late: timedelta) -> None:
    with pytest.raises(UsageError, match=r"until 20.*, which is past; without --keep-old-until"):
        rotated(two_steps(), keep_until=AT + late)


@pytest.mark.parametrize(("threshold", "who"), [(2, ("bob", "carol")), (3, ("bob", "carol", "dave"))])
def test_no_step_that_wants_several_signatures_has_both_keys(threshold: int, who: tuple[str, ...]) -> None:
    chain = several(threshold, *who)
    before = chain.layout

    with pytest.raises(UsageError) as error:
        rotated(chain, keep_until=LATER)

    assert str(error.value) == (
        f"step 'review' wants {threshold} signatures, and whoever holds the keys {OLD.keyid} and {NEW.keyid} would give"
        " two of them; leave out --keep-old-until, so that the new key takes the place of the old one, and let the"
        " holder sign again"
    )
    assert chain.layout == before


def test_what_the_refusal_prevents_is_one_person_meeting_a_threshold() -> None:
    chain = several(2, "bob", "carol")
    chain.layout = chain.layout.replace(
        keys={**chain.layout.keys, NEW.keyid: NEW.public_key},
        steps=(chain.layout.steps[0].replace(pubkeys=(*chain.layout.steps[0].pubkeys, NEW.keyid)),),
    )
    chain.remove("review", "carol")
    chain.perform("review", NEW.name, products={"a": "1"})

    judged(chain).require()


def test_one_key_takes_the_others_place_where_several_signatures_are_wanted() -> None:
    chain = several(2, "bob", "carol")
    rotated(chain)

    assert Reason.TOO_FEW_FUNCTIONARIES in judged(chain).reasons
    chain.perform("review", NEW.name, products={"a": "1"})
    judged(chain).require()
    assert len(chain.layout.steps[0].pubkeys) == 2


def test_several_signatures_elsewhere_do_not_matter() -> None:
    chain = two_steps()
    chain.step("review", "carol", "dave", threshold=2, products={"a": "1"})
    rotated(chain, keep_until=LATER)

    assert [NEW.keyid in step.pubkeys for step in chain.layout.steps] == [False, True, False]


def test_a_key_rotated_twice_may_stay_twice() -> None:
    chain, third = two_steps(), actor("bob's third key")
    rotated(chain, keep_until=LATER)
    rotated(chain, NEW.keyid, third.public_key, keep_until=LATER)

    assert chain.layout.steps[1].pubkeys == (OLD.keyid, NEW.keyid, third.keyid)


def test_an_overlap_ends_by_rotating_again_without_a_date() -> None:
    chain = two_steps()
    rotated(chain, keep_until=LATER)
    rotated(chain)

    assert chain.layout.steps[1].pubkeys == (NEW.keyid,)
    assert OLD.keyid not in chain.layout.keys


def test_rotating_again_with_the_same_date_changes_nothing() -> None:
    chain = two_steps()
    rotated(chain, keep_until=LATER)

    assert rotated(chain, keep_until=LATER).is_empty


def test_the_old_key_goes_under_every_id_that_it_has() -> None:
    chain = two_steps()
    twin = OLD.public_key.replace(keyid="f" * 64)
    write, build = chain.layout.steps
    chain.layout = chain.layout.replace(
        keys={**chain.layout.keys, twin.keyid: twin},
        steps=(
            write.replace(pubkeys=(*write.pubkeys, twin.keyid)),
            build.replace(pubkeys=(*build.pubkeys, twin.keyid)),
        ),
    )
    rotation = rotated(chain)

    assert rotation.steps == ("write", "build")
    assert [step.pubkeys for step in chain.layout.steps] == [(actor("alice").keyid, NEW.keyid), (NEW.keyid,)]
    assert chain.layout.keys.keys() == {actor("alice").keyid, NEW.keyid}


def test_a_step_wanting_two_is_refused_also_under_another_id_of_the_old_key() -> None:
    chain = several(2, "alice", "carol")
    twin = OLD.public_key.replace(keyid="f" * 64)
    step = chain.layout.steps[0]
    chain.layout = chain.layout.replace(
        keys={**chain.layout.keys, OLD.keyid: OLD.public_key, twin.keyid: twin},
        steps=(step.replace(pubkeys=(*step.pubkeys, twin.keyid)),),
    )

    with pytest.raises(UsageError, match="step 'review' wants 2 signatures"):
        rotated(chain, keep_until=LATER)


@pytest.mark.parametrize("keep_until", [None, LATER])
def test_a_key_of_somebody_else_is_no_new_key(keep_until: datetime | None) -> None:
    with pytest.raises(
        UsageError, match=r"is a functionary's already, who may sign for 'write', and the key .* may not"
    ):
        rotated(two_steps(), new=actor("alice").public_key, keep_until=keep_until)


@pytest.mark.parametrize("keep_until", [None, LATER])
def test_the_same_key_is_no_new_key(keep_until: datetime | None) -> None:
    with pytest.raises(UsageError, match=f"the new key is the key {OLD.keyid} itself; expected another one"):
        rotated(two_steps(), new=OLD.public_key.replace(keyid="a" * 64), keep_until=keep_until)


def test_a_key_that_the_layout_holds_without_use_may_be_the_new_one() -> None:
    chain = two_steps()
    label = NEW.public_key.replace(keyid="ab" * 32)
    chain.layout = chain.layout.replace(keys={**chain.layout.keys, label.keyid: label})
    rotated(chain)

    assert chain.layout.steps[1].pubkeys == (label.keyid,)
    perform(chain, NEW.name)
    judged(chain).require()


def test_a_threshold_that_could_not_be_met_is_refused() -> None:
    chain = several(2, "bob", NEW.name)

    with pytest.raises(UsageError, match=r"step 'review' has 1 key\(s\) for a threshold of 2; give a new key"):
        rotated(chain)


def test_an_id_that_names_other_material_is_refused() -> None:
    with pytest.raises(FormatError, match="already names another key in this layout"):
        rotated(two_steps(), new=NEW.public_key.replace(keyid=actor("alice").keyid))


@pytest.mark.parametrize(
    ("given", "problem"),
    [("", "no key has an id that begins with ''"), ("zz", "no key has an id that begins with 'zz'")],
)
def test_an_old_key_that_is_not_there_is_refused(given: str, problem: str) -> None:
    with pytest.raises(CustodyError, match=problem):
        rotated(two_steps(), given)


def test_a_key_that_may_sign_no_step_is_rotated_all_the_same() -> None:
    chain = two_steps()
    idle = actor("idle")
    chain.layout = chain.layout.replace(keys={**chain.layout.keys, idle.keyid: idle.public_key})
    rotation = rotated(chain, idle.keyid)

    assert rotation.said.endswith(f"takes the place of {idle.keyid}, which may sign for no step")
    assert idle.keyid not in chain.layout.keys


def test_an_openpgp_key_is_rotated_with_the_subkeys_that_steps_list() -> None:
    alice, laptop = Maker("alice"), Maker("alice's laptop")
    family = alice.with_subkeys(laptop)
    chain = Simulator()
    chain.step("build", "bob")
    step = chain.layout.steps[0]
    chain.layout = chain.layout.replace(
        keys={**chain.layout.keys, family.keyid: family},
        steps=(step.replace(pubkeys=(laptop.key.keyid, *step.pubkeys)),),
    )
    both = chain.layout
    rotated(chain, family.keyid)

    assert chain.layout.steps[0].pubkeys == (NEW.keyid, OLD.keyid)
    chain.layout = both
    rotated(chain, family.keyid, keep_until=LATER)
    assert chain.layout.steps[0].pubkeys == (laptop.key.keyid, NEW.keyid, OLD.keyid)


def test_a_new_openpgp_key_with_a_subkey_of_the_old_one_is_not_put_beside_it() -> None:
    laptop = Maker("alice's laptop")
    old, new = Maker("alice").with_subkeys(laptop), Maker("alice's new key").with_subkeys(laptop)
    chain = Simulator()
    chain.step("build", "bob")
    chain.layout = chain.layout.replace(keys={**chain.layout.keys, old.keyid: old})

    with pytest.raises(FormatError, match="share a subkey"):
        rotated(chain, old.keyid, new, keep_until=LATER)
    rotated(chain, old.keyid, new)
    assert new.keyid in chain.layout.keys


@pytest.mark.parametrize("keep_until", [None, LATER])
def test_parameters_rules_inspections_and_readme_stay(keep_until: datetime | None) -> None:
    chain = two_steps()
    chain.step("pack", "carol", expected_products=["CREATE {name}.tar", "DISALLOW *"], perform=False)
    chain.inspection("look", "ls {name}", ["ALLOW {name}*"])
    chain.layout = chain.layout.replace(readme="for {name}")
    before = chain.layout
    rotated(chain, keep_until=keep_until)

    after = chain.layout
    assert (after.inspect, after.readme) == (before.inspect, before.readme)
    assert [step.replace(pubkeys=()) for step in after.steps] == [step.replace(pubkeys=()) for step in before.steps]


def with_sublayout() -> Simulator:
    """Return a chain whose only step has a layout of bob's for a link."""
    inner = Simulator()
    inner.step("compile", "erin", products={"out": "2"}, expected_products=["CREATE out", "DISALLOW *"])
    chain = Simulator()
    chain.step("build", "bob", perform=False, expected_products=["CREATE {name}", "DISALLOW *"])
    chain.parameters = {"name": "out"}
    chain.sublayout("build", "bob", inner)
    return chain


def test_a_sublayout_signed_by_the_old_key_counts_while_it_is_kept() -> None:
    chain = with_sublayout()
    judged(chain).require()
    rotated(chain, keep_until=LATER)

    judged(chain).require()


def test_a_sublayout_signed_by_the_old_key_counts_no_more_without_it() -> None:
    chain = with_sublayout()
    rotated(chain)

    assert Reason.TOO_FEW_FUNCTIONARIES in judged(chain).reasons


def test_dates_are_instants() -> None:
    chain = two_steps()
    rotated(chain, keep_until=datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC))

    assert chain.layout.document()["expires"] == "2030-01-02T03:04:05Z"


@pytest.mark.parametrize("keep_until", [None, LATER])
def test_a_key_is_rotated_for_an_identity_and_back(keep_until: datetime | None) -> None:
    names = {"identity": "bob@example.com", "issuer": "https://issuer.example.com"}
    document = {"keyid": "none", "keytype": "sigstore-oidc", "scheme": "Fulcio", "keyval": names}
    identity = read_key(document, "key", refuse_unknown=lambda _: None)
    identity = identity.replace(keyid=next(iter(identity.own_ids)))
    chain = two_steps()
    rotated(chain, new=identity, keep_until=keep_until)

    kept = () if keep_until is None else (OLD.keyid,)
    assert chain.layout.steps[1].pubkeys == (*kept, identity.keyid)
    assert chain.layout.key(identity.keyid) == identity
    rotated(chain, identity.keyid, NEW.public_key)
    assert chain.layout.steps[1].pubkeys == (*kept, NEW.keyid)
