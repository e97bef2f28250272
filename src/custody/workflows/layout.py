"""Writing, reading and changing layouts: what `custody layout` does.

A layout comes as its source (`*.yaml`), as a bare document, or in an envelope, signed or not. Whatever changes a
layout drops its signatures, since they were given for something else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from custody.envelopes.dsse import DSSEEnvelope
from custody.envelopes.metablock import Metablock
from custody.envelopes.reader import read_signable
from custody.errors import FormatError, UsageError
from custody.files import read_file, write_file
from custody.keys.key import ignore_remark, refuse_shared_subkeys, stands_for_several
from custody.models.layout import Layout, read_layout
from custody.sources.functionaries import same_key
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from custody.envelopes.reader import Envelope
    from custody.keys.key import Key
    from custody.models.layout import Step
    from custody.sources.supply_chain import Source

__all__ = [
    "MAX_LAYOUT_BYTES",
    "Change",
    "LoadedLayout",
    "add_key",
    "build_layout",
    "extend",
    "is_source",
    "listed",
    "load_built",
    "load_layout",
    "meant_key",
    "new_source",
    "remove_key",
    "save_change",
]

MAX_LAYOUT_BYTES = 64 * 1024 * 1024
"""The largest layout that is read; a thousand steps with a thousand rules each have about 60 MB."""

_SUFFIXES = (".yaml", ".yml")


class LoadedLayout(Value):
    """A layout with what it came in: an envelope, or a source."""

    path: str
    layout: Layout
    envelope: Envelope | None = None
    source: Source | None = None

    @property
    def names(self) -> Mapping[str, str]:
        """What the source calls keys, by key id."""
        return self.source.names if self.source is not None else {}

    def place(self, where: str) -> str:
        """Return where a path of the layout stands in the file, with the line of a source."""
        return self.source.place(where) if self.source is not None else where

    def line(self, where: str) -> int | None:
        """Return the line on which a path of the layout stands in a source."""
        return self.source.line(where) if self.source is not None else None


class Change(Value):
    """A layout before and after a change; `said` tells people what changed, in one sentence."""

    before: LoadedLayout
    after: Layout
    said: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return self.before.layout == self.after


def is_source(path: str) -> bool:
    """Return whether `path` is called like a layout's source."""
    return path.lower().endswith(_SUFFIXES)


def load_layout(path: str, *, at: datetime, ignore: Iterable[str] = ()) -> LoadedLayout:
    """Return the layout in the file `path`; a source is compiled as of `at`. No signature is checked.

    Raises:
        StoreError: the file cannot be read.
        FormatError: it holds no layout; the message has the file and the place in it.

    """
    if not is_source(path):
        return load_built(path, ignore=ignore)
    source = _load_source(path, at)
    return LoadedLayout(path=path, layout=source.layout, source=source)


def load_built(path: str, *, ignore: Iterable[str] = ()) -> LoadedLayout:
    """Return the layout in the file `path`, which is no source, in its envelope. No signature is checked.

    Raises:
        UsageError: `path` is called like a source.
        StoreError: the file cannot be read.
        FormatError: it holds no layout; the message has the file and the place in it.

    """
    if is_source(path):
        raise UsageError(f"{path!r} is a layout's source: change it there, and build it with `custody layout build`")
    try:
        envelope = read_signable(read_file(path, what="layout", limit=MAX_LAYOUT_BYTES))
        layout = read_layout(envelope.content(), ignore=ignore)
    except FormatError as error:
        raise error.within(path) from None
    return LoadedLayout(path=path, layout=layout, envelope=envelope)


def new_source(path: str, *, replace: bool = False) -> None:
    """Make `path` hold the starter source.

    Raises:
        UsageError: the file exists, and `replace` is not given.
        StoreError: it cannot be written.

    """
    if not replace and os.path.lexists(path):
        raise UsageError(f"{path!r} exists already; name another file with -o, or replace it with --force")
    from custody.sources.starter import STARTER  # long text that nobody else needs

    write_file(path, STARTER.encode(), what="source", replace=replace)


def build_layout(
    path: str,
    output: str,
    *,
    at: datetime,
    use_dsse: bool = False,
    replace: bool = False,
    remark: Callable[[str], None] = ignore_remark,
) -> LoadedLayout:
    """Write the layout that the source `path` describes to `output`, unsigned, and return it.

    An unsigned layout at `output` is replaced; whatever else stands there only with `replace`.
    `remark` is told which subkeys of OpenPGP keys are left out, and which of these keys rest on SHA-1.

    Raises:
        StoreError: a file cannot be read or written.
        FormatError: the source is wrong.
        UsageError: `output` holds signatures, or something that is no layout.

    """
    source = _load_source(path, at, remark)
    _require_replaceable(output, replace=replace, source=path)
    envelope: Envelope = (DSSEEnvelope if use_dsse else Metablock).wrap(source.layout.document())
    write_file(output, envelope.write(), what="layout")
    return LoadedLayout(path=path, layout=source.layout, envelope=envelope, source=source)


def add_key(loaded: LoadedLayout, key: Key, steps: Iterable[str] = ()) -> Change:
    """Return the layout with `key`, and with it among those that may sign for `steps`.

    A key that the layout holds already, under whatever id, keeps that id.

    Raises:
        FormatError: its id names other material in this layout (D3).
        UsageError: there is no such step.

    """
    layout = loaded.layout
    known = same_key(layout.keys, key, f"keys.{key.keyid}")
    keyid = known or key.keyid
    chosen = _chosen(layout, steps)

    def authorised(step: Step) -> Step:
        known_there = any(there.identity == key.identity for there in layout.keys_of(step))
        wanted = step.name in chosen and not known_there
        return step.replace(pubkeys=(*step.pubkeys, keyid)) if wanted else step

    keys = dict(layout.keys) if known else {**layout.keys, keyid: key}
    refuse_shared_subkeys(keys.values(), f"keys.{keyid}")
    after = layout.replace(
        keys=keys,
        steps=tuple(authorised(step) for step in layout.steps),
    )
    told = f" and may sign for {listed(chosen)}" if chosen else ""
    return Change(before=loaded, after=after, said=f"the key {keyid} ({key.keytype}) is in the layout{told}")


def remove_key(loaded: LoadedLayout, keyid: str, steps: Iterable[str] = (), *, force: bool = False) -> Change:
    """Return the layout without the key that `keyid` names or begins, or with `steps` given, only they without it.

    Raises:
        UsageError: no key or several are meant, there is no such step, or, without `force`, a step could then not
            reach its threshold.

    """
    layout = loaded.layout
    label = meant_key(layout, keyid)
    chosen = _chosen(layout, steps)
    gone = {label, *(subkey for subkey, owner in layout.subkeys.items() if owner == label)}
    affected = [
        step for step in layout.steps if not gone.isdisjoint(step.pubkeys) and (not chosen or step.name in chosen)
    ]
    if chosen and not affected:
        raise UsageError(f"the key {label} may not sign for {listed(chosen)} anyway")
    changed = {step.name: step.replace(pubkeys=tuple(k for k in step.pubkeys if k not in gone)) for step in affected}
    if not force:
        _require_thresholds(layout, changed.values(), label)
    after = layout.replace(
        keys=dict(layout.keys) if chosen else {k: v for k, v in layout.keys.items() if k != label},
        steps=tuple(changed.get(step.name, step) for step in layout.steps),
    )
    told = f"the key {label} may no longer sign for {listed(changed)}" if changed else f"the key {label} is removed"
    return Change(before=loaded, after=after, said=told)


def extend(loaded: LoadedLayout, expires: datetime, *, at: datetime) -> Change:
    """Return the layout with another expiry.

    Raises:
        UsageError: it is not in the future.

    """
    from custody.encoding.instants import write_instant  # only here

    if expires <= at:
        raise UsageError(f"the layout would expire at {write_instant(expires)}, which is past")
    told = f"the layout expires at {write_instant(expires)}, no longer at {write_instant(loaded.layout.expires)}"
    return Change(before=loaded, after=loaded.layout.replace(expires=expires), said=told)


def save_change(change: Change, output: str = "", *, replace: bool = False) -> str:
    """Write the changed layout without signatures, in the envelope's own kind, and return where.

    It takes the place of the file it came from, or goes to `output`, where only an unsigned layout is replaced
    unless `replace` is given. If nothing changed, an own file stays as it is, and signatures are kept.

    Raises:
        UsageError: it came from a source, or `output` holds something to lose.
        StoreError: the file cannot be written.

    """
    before = change.before
    if before.envelope is None:
        raise UsageError(f"{before.path!r} is a layout's source, not a layout")
    target = output or before.path
    own = output in ("", before.path)
    if change.is_empty and own:
        return target
    if not own:
        _require_replaceable(target, replace=replace, source=before.path)
    envelope = before.envelope if change.is_empty else type(before.envelope).wrap(change.after.document())
    write_file(target, envelope.write(), what="layout")
    return target


def _load_source(path: str, at: datetime, remark: Callable[[str], None] = ignore_remark) -> Source:
    from custody.sources.strict_yaml import MAX_SOURCE_BYTES  # only sources need them
    from custody.sources.supply_chain import read_source

    data = read_file(path, what="source", limit=MAX_SOURCE_BYTES)
    try:
        return read_source(
            data,
            base_directory=os.path.dirname(path),
            at=at,
            key_of_fingerprint=lambda fingerprint: _in_keyring(fingerprint, remark),
            remark=remark,
        )
    except FormatError as error:
        raise error.within(path) from None


def _in_keyring(fingerprint: str, remark: Callable[[str], None]) -> Key:
    from custody.signing.gpg import export_key  # starts processes

    return export_key(fingerprint, remark=remark)


def _require_replaceable(path: str, *, replace: bool, source: str) -> None:
    """Refuse to lose what nobody can make again: signatures, and files that are no layouts."""
    if os.path.exists(path) and os.path.exists(source) and os.path.samefile(path, source):
        raise UsageError(f"the output {path!r} is the source itself; name another file with -o")
    if replace or not os.path.lexists(path):
        return
    try:
        envelope = read_signable(read_file(path, what="layout", limit=MAX_LAYOUT_BYTES))
        is_layout = envelope.content().get("_type") == "layout"
    except FormatError:
        is_layout = False
    if not is_layout:
        raise UsageError(f"{path!r} exists and is no layout; --force replaces it all the same")
    if envelope.signatures:
        count = len(envelope.signatures)
        raise UsageError(
            f"{path!r} carries {count} signature(s), which would be lost; --force replaces it all the same"
        )


def _chosen(layout: Layout, steps: Iterable[str]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(steps))
    for name in chosen:
        if layout.step(name) is None:
            known = ", ".join(step.name for step in layout.steps) or "none"
            raise UsageError(f"there is no step {name!r}; the layout's steps are {known}")
    return chosen


def meant_key(layout: Layout, keyid: str) -> str:
    """Return the label of the only key that has `keyid` as one of its ids, or an id that begins with it.

    Raises:
        UsageError: there is none, or several.

    """
    if keyid in layout.keys:
        return keyid
    found = [label for label, key in layout.keys.items() if keyid and any(name.startswith(keyid) for name in key.names)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(found or layout.keys) or "none"
    problem = f"{keyid!r} begins several key ids" if found else f"no key has an id that begins with {keyid!r}"
    raise UsageError(f"{problem}: {known}")


def _require_thresholds(layout: Layout, steps: Iterable[Step], label: str) -> None:
    from custody.linting.certificates import most_people  # only where a key is taken away

    for step in steps:
        keys = layout.keys_of(step)
        left = {key.identity for key in keys}
        certified = most_people(step)
        several = certified is None or any(map(stands_for_several, keys))
        if not several and len(left) + (certified or 0) < step.threshold:
            raise UsageError(
                f"without the key {label}, step {step.name!r} has {len(left)} key(s) for a threshold of"
                f" {step.threshold}; add another one first, or --force"
            )


def listed(names: Iterable[str]) -> str:
    """Return names in quotation marks, with commas between them."""
    return ", ".join(repr(name) for name in names)
