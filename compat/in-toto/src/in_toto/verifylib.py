"""Verifying supply chains, as a whole and step by step.

::

    layout = Metadata.load("root.layout")
    summary = in_toto_verify(layout, {key["keyid"]: key})

`in_toto_verify` asks custody once, and raises the reference's exception where custody rejects; what custody has to say
about it is in the exception's notes, and its `__cause__` carries the verdict. The other functions are the parts that
the reference publishes, for programs that put them together themselves. Each of them judges as custody does, but only
what it is asked: a layout without steps, or functionaries of one step who disagree, are found by the whole alone.
"""

from __future__ import annotations

import datetime  # noqa: ICN001  # as the reference has it: tests of programs set the time here
import os

from in_toto._boundary.single_rules import (
    verify_allow_rule,
    verify_create_rule,
    verify_delete_rule,
    verify_disallow_rule,
    verify_match_rule,
    verify_modify_rule,
    verify_require_rule,
)
from in_toto._boundary.timeouts import FROM_SETTINGS, seconds_of

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from custody.envelopes.reader import Envelope
    from in_toto.models.layout import Layout, SupplyChainItem
    from in_toto.models.link import Link
    from in_toto.models.metadata import Metadata

    ByStep = Mapping[str, Mapping[str, Any]]

__all__ = [
    "get_summary_link",
    "in_toto_verify",
    "load_links_for_layout",
    "reduce_chain_links",
    "run_all_inspections",
    "substitute_parameters",
    "verify_all_item_rules",
    "verify_all_steps_command_alignment",
    "verify_allow_rule",
    "verify_command_alignment",
    "verify_create_rule",
    "verify_delete_rule",
    "verify_disallow_rule",
    "verify_item_rules",
    "verify_layout_expiration",
    "verify_link_signature_thresholds",
    "verify_match_rule",
    "verify_metadata_signatures",
    "verify_modify_rule",
    "verify_require_rule",
    "verify_sublayouts",
    "verify_threshold_constraints",
]


def in_toto_verify(  # noqa: PLR0913, PLR0917  # public
    metadata: Metadata,
    layout_key_dict: Mapping[str, Any],
    link_dir_path: str | os.PathLike[str] = ".",
    substitution_parameters: dict[str, str] | None = None,
    step_name: str = "",
    persist_inspection_links: bool = True,  # noqa: FBT001, FBT002  # public
    inspect_timeout: float | None = FROM_SETTINGS,
) -> Link:
    """Return a link for the whole supply chain, called `step_name`, if the chain is as its owners demand.

    Inspections run in the current directory, once everything else is good.

    Args:
        metadata: The envelope with the layout.
        layout_key_dict: The owners' keys by their ids. All of them must have signed the layout.
        link_dir_path: The directory with the links.
        substitution_parameters: What to put into rules and commands in place of `{NAME}`, as plain text. They are put
            into a layout in a `Metablock`, too.
        step_name: What to call the link that is returned.
        persist_inspection_links: Whether links of inspections are written here, as `NAME.link`.
        inspect_timeout: Seconds that each inspection may take, by default those of the settings, None without limit.

    Raises:
        FormatError: something is malformed, or verifiers disagree about what it means.
        SignatureVerificationError: there is no key, or one of them did not sign the layout.
        LayoutExpiredError: the layout has expired.
        LinkNotFoundError: a step has too few files with links.
        ThresholdVerificationError: a step has too few good links that agree.
        RuleVerificationError: a rule rejects an artifact, or misses one.
        BadReturnValueError: an inspection ended with something else than 0.
        subprocess.TimeoutExpired: an inspection took too long.
        OSError: an inspection cannot be started, or its link cannot be written.
        KeyError: a rule names a parameter that was not given.

    """
    from in_toto._boundary import judging, talk

    question = judging.Question(
        envelope=_envelope_of(metadata),
        keys=judging.keys_of(layout_key_dict),
        at=datetime.datetime.now(datetime.UTC),
        links=os.fspath(link_dir_path),
        parameters=_checked_parameters(substitution_parameters),
        keeps=persist_inspection_links,
        timeout=seconds_of(inspect_timeout),
    )
    verdict = judging.answer(question)
    payload = metadata.get_payload()
    if substitution_parameters is not None and verdict.owners and payload.type_ == "layout":
        substitute_parameters(payload, substitution_parameters)  # type: ignore[arg-type]  # a layout
    judging.told(question, verdict)
    talk.info(__name__, "The software product passed all verification.")
    return judging.link_of(verdict.summary_link, step_name)


def load_links_for_layout(layout: Layout, link_dir_path: str | os.PathLike[str]) -> dict[str, dict[str, Metadata]]:
    """Return the links and sublayouts that lie in a directory, by the step and the id of the key they are named after.

    What cannot be read or is malformed is left out, with a warning (D13).

    Raises:
        LinkNotFoundError: a step has fewer files than it needs links.
        FormatError: the name of a step is no plain file name.

    """
    from in_toto._boundary.counting import links_of
    from in_toto.exceptions import LinkNotFoundError

    found: dict[str, dict[str, Metadata]] = {}
    for step in layout.steps:
        links = links_of(step, layout, os.fspath(link_dir_path))
        if len(links) < step.threshold:
            raise LinkNotFoundError(
                f"Step '{step.name}' requires '{step.threshold}' link metadata file(s), found '{len(links)}'."
            )
        found[step.name] = links
    return found


def run_all_inspections(
    layout: Layout,
    persist_inspection_links: bool,  # noqa: FBT001  # public
    timeout: float | None = FROM_SETTINGS,
) -> dict[str, Link]:
    """Return the links of the inspections, by their names, after having run them in the current directory.

    Rules are not looked at.

    Raises:
        BadReturnValueError: one ended with something else than 0.
        subprocess.TimeoutExpired: one took longer than `timeout` seconds, by default those of the settings.
        FormatError: an inspection has no command, or a name that is no plain file name.
        OSError: one cannot be started, or its link cannot be written.

    """
    from in_toto._boundary.inspecting import run_inspections

    return run_inspections(layout.inspect, keeps=persist_inspection_links, timeout=seconds_of(timeout))


def verify_layout_expiration(layout: Layout) -> None:
    """Return unless the layout has expired, else raise a `LayoutExpiredError`; a `FormatError` if it never does."""
    from custody.encoding.instants import read_instant
    from in_toto._boundary.failures import Translated
    from in_toto.exceptions import LayoutExpiredError

    with Translated():
        expires = read_instant(layout.expires, "expires")
    if datetime.datetime.now(datetime.UTC) >= expires:
        raise LayoutExpiredError("Layout expired")


def substitute_parameters(layout: Layout, parameter_dictionary: dict[str, str]) -> None:
    """Put parameters into the rules and commands of a layout, in place of `{NAME}`, once and as plain text (D20).

    Raises:
        FormatError: `parameter_dictionary` does not map names to texts, or a rule has a parameter inside brackets.
        KeyError: a rule names a parameter that is not there.

    """
    from custody.verification.parameters import substitute
    from in_toto._boundary.failures import Translated

    parameters = _checked_parameters(parameter_dictionary)
    with Translated():
        # To custody no parameters mean that nothing is to be filled in. Here a rule that names one misses it all the
        # same; a name without capitals and digits before it is none that anybody writes.
        filled = substitute(layout.document(), parameters or {"_": "{_}"})
    for items, documents in ((layout.steps, filled["steps"]), (layout.inspect, filled["inspect"])):
        for item, document in zip(items, _list(documents), strict=True):
            for field in ("expected_materials", "expected_products", "expected_command", "run"):
                if field in document:
                    setattr(item, field, document[field])


def verify_metadata_signatures(metadata: Metadata, keys_dict: Mapping[str, Any]) -> None:
    """Return if every one of the keys signed the envelope.

    Raises:
        FormatError: a key is malformed.
        SignatureVerificationError: there is no key, or one of them did not sign.

    """
    from in_toto._boundary.judging import keys_of
    from in_toto.exceptions import SignatureVerificationError

    keys_of(keys_dict)
    if not keys_dict:
        raise SignatureVerificationError("Layout signature verification requires at least one key.")
    for key in keys_dict.values():
        metadata.verify_signature(key)


def verify_link_signature_thresholds(layout: Layout, steps_metadata: ByStep) -> dict[str, dict[str, Any]]:
    """Return those of the links and sublayouts of each step that functionaries of the step signed.

    Functionaries are told apart by their key material (D16); a link of another step does not count (D17).

    Raises:
        ThresholdVerificationError: they are fewer functionaries than a step needs.
        FormatError: the layout is malformed.

    """
    from in_toto._boundary.counting import counted
    from in_toto.exceptions import ThresholdVerificationError

    verified: dict[str, dict[str, Any]] = {}
    for step, links, voices in counted(layout, steps_metadata, datetime.datetime.now(datetime.UTC)):
        if voices < step.threshold:
            raise ThresholdVerificationError(
                f"Step '{step.name}' requires at least '{step.threshold}' links validly signed by different authorized"
                f" functionaries. Only found '{voices}'"
            )
        verified[step.name] = links
    return verified


def verify_command_alignment(command: list[str], expected_command: list[str]) -> None:
    """Warn if the commands differ; it is only a warning, as what a functionary says they ran is only their word."""
    if command != expected_command:
        from in_toto._boundary import talk
        from in_toto._boundary.judging import differing_commands

        talk.warning(__name__, differing_commands(command, expected_command))


def verify_all_steps_command_alignment(layout: Layout, chain_link_dict: ByStep) -> None:
    """Warn of every link whose command is not the one that its step expects."""
    for step in layout.steps:
        for link in chain_link_dict[step.name].values():
            verify_command_alignment(link.command, step.expected_command)


def verify_item_rules(source_name: str, source_type: str, rules: list[list[str]], links: Mapping[str, Link]) -> None:
    """Return if the rules for one side of the link called `source_name` hold.

    Raises:
        FormatError: `source_type` is neither `materials` nor `products`, a rule is malformed or ambiguous, or an
            artifact is listed under a name that is not its one name, or without a digest (D7, D11).
        RuleVerificationError: a rule rejects an artifact, or misses one.

    """
    from custody.rules.grammar import parse_rules
    from in_toto._boundary import rulings, talk
    from in_toto._boundary.accounts import Subject, rule_failure
    from in_toto._boundary.checks import malformed
    from in_toto._boundary.failures import Translated

    if source_type not in {"materials", "products"}:
        raise malformed(
            "Argument 'source_type' of function 'verify_item_rules' has to be one of 'materials' or 'products'. Got:"
            f" '{source_type}'"
        )
    link = links[source_name]
    with Translated():
        parsed = parse_rules(rules, f"expected_{source_type} of '{source_name}'")
    trace = rulings.applied(parsed, source_type, rulings.sides_of(link), links)
    for rule in rules[: len(trace.applied)]:
        talk.info(__name__, f"Verifying '{' '.join(rule)}'...")
    if trace.failure is not None:
        raise rule_failure(
            trace, Subject(name=source_name, materials=tuple(link.materials), products=tuple(link.products))
        )


def verify_all_item_rules(items: Iterable[SupplyChainItem], links: Mapping[str, Link]) -> None:
    """Return if the rules of all steps or inspections in `items` hold; see `verify_item_rules`."""
    from in_toto._boundary import talk

    for item in items:
        talk.info(__name__, f"Verifying material rules for '{item.name}'...")
        verify_item_rules(item.name, "materials", item.expected_materials, links)
        talk.info(__name__, f"Verifying product rules for '{item.name}'...")
        verify_item_rules(item.name, "products", item.expected_products, links)


def verify_threshold_constraints(layout: Layout, chain_link_dict: ByStep) -> None:
    """Return if all links of each step that needs several of them have the same materials and products.

    Raises:
        ThresholdVerificationError: two differ, or there are too few.

    """
    from in_toto._boundary.rulings import demand_agreement
    from in_toto.exceptions import ThresholdVerificationError

    for step in layout.steps:
        if step.threshold <= 1:
            continue
        links = chain_link_dict[step.name]
        if len(links) < step.threshold:
            raise ThresholdVerificationError(f"Step '{step.name}' not performed by enough functionaries!")
        demand_agreement(step.name, links)


def reduce_chain_links(chain_link_dict: ByStep) -> dict[str, Any]:
    """Return the first link of each step."""
    return {name: next(iter(links.values())) for name, links in chain_link_dict.items()}


def verify_sublayouts(
    layout: Layout,
    steps_metadata: ByStep,
    superlayout_link_dir_path: str | os.PathLike[str],
    inspect_timeout: float | None,
) -> dict[str, dict[str, Link]]:
    """Return the links of all steps, those of whole chains in place of sublayouts.

    Nothing is run: a sublayout with inspections is rejected, since a functionary chose their commands (A1).

    Raises:
        Exception: a sublayout is not as its functionary demands; see `in_toto_verify`.

    """
    from in_toto._boundary import judging
    from in_toto._boundary.counting import below, key_in

    found: dict[str, dict[str, Link]] = {}
    for name, links in steps_metadata.items():
        found[name] = {}
        for keyid, metadata in links.items():
            payload = metadata.get_payload()
            if payload.type_ == "layout":
                question = judging.Question(
                    envelope=_envelope_of(metadata),
                    keys=judging.keys_of(key_in(layout, keyid)),
                    at=datetime.datetime.now(datetime.UTC),
                    links=below(os.fspath(superlayout_link_dir_path), name, keyid),
                    inspects=False,
                    timeout=inspect_timeout,
                )
                verdict = judging.told(question, judging.answer(question))
                payload = judging.link_of(verdict.summary_link, name)
            found[name][keyid] = payload
    return found


def get_summary_link(layout: Layout, reduced_chain_link_dict: Mapping[str, Link], name: str) -> Link:
    """Return a link called `name` with the materials of the first step, and everything else of the last."""
    from in_toto.models.link import Link

    if not layout.steps:
        return Link()
    first = reduced_chain_link_dict[layout.steps[0].name]
    last = reduced_chain_link_dict[layout.steps[-1].name]
    return Link(
        name=name,
        materials=first.materials,
        products=last.products,
        byproducts=last.byproducts,
        command=last.command,
    )


def _raise_on_bad_retval(return_value: object, command: object = None) -> None:
    """Return if `return_value` is 0; programs use it though its name says not to."""
    if return_value != 0 or not isinstance(return_value, int):
        from in_toto._boundary.rejections import bad_return_value

        raise bad_return_value(return_value, command)


def _envelope_of(metadata: Metadata) -> Envelope:
    """Return what is judged; an envelope whose signatures are malformed is signed by nobody."""
    from in_toto._boundary.checks import unexpected
    from in_toto.exceptions import FormatError, SignatureVerificationError

    if not hasattr(metadata, "envelope"):
        raise unexpected(metadata, "Metadata")
    try:
        return metadata.envelope()
    except FormatError as error:
        raise SignatureVerificationError(f"Layout has no valid signature: {error}") from error


def _checked_parameters(parameters: object) -> dict[str, str]:
    """Return the parameters, none for None; a `FormatError` unless they are texts by their names."""
    from in_toto._boundary.checks import check_text, unexpected

    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise unexpected(parameters, "dict")
    for name, value in parameters.items():
        check_text(name)
        if not name.isascii() or not name.replace("_", "").replace("-", "").isalnum() or not name[0].isalpha():
            raise unexpected(parameters, "'a-zA-Z0-9_-'")
        check_text(value)
    return dict(parameters)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
