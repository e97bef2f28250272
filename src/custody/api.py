"""The public verbs, with file names where people have files: `run`, `record`, `sign`, `verify`, `build_layout`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypedDict, Unpack

from custody.workflows.run import RunOptions
from custody.workflows.sign import sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from custody.envelopes.reader import Envelope
    from custody.keys.key import Key
    from custody.keys.public import PublicKey
    from custody.models.layout import Layout
    from custody.signing.signer import Signer
    from custody.stores.protocol import EvidenceStore
    from custody.verdict import Verdict
    from custody.verification.case import Demands
    from custody.workflows.inspect import InspectionOptions
    from custody.workflows.record import RecordOptions
    from custody.workflows.run import RunResult

__all__ = ["VerifyOptions", "build_layout", "generate", "load_key", "record", "run", "sign", "verify"]


class VerifyOptions(TypedDict, total=False):
    """What else `verify` takes; see `custody.workflows.verify.Verification`."""

    parameters: Mapping[str, str]
    demands: Demands
    inspections: InspectionOptions | None
    state: str
    at: datetime | None
    progress: Callable[[str], None] | None
    trusted_root: str


def run(
    name: str,
    command: Sequence[str],
    *,
    signing_key: Signer | str,
    materials: Sequence[str] = (),
    products: Sequence[str] = (),
    options: RunOptions = RunOptions(),  # noqa: B008  # a frozen value
) -> RunResult:
    """Perform step `name` with `command` and write its link; see `custody.workflows.run.run` for what it raises."""
    from custody.workflows.run import run as perform

    return perform(
        name,
        command,
        signer=_signer(signing_key),
        materials=materials,
        products=products,
        options=options,
    )


@contextmanager
def record(
    name: str,
    *,
    signing_key: Signer | str,
    materials: Sequence[str] = (),
    products: Sequence[str] = (),
    options: RecordOptions | None = None,
) -> Iterator[None]:
    """Record `materials` now and `products` after the block, then write the link of step `name`.

    If the block raises, there is no link.
    """
    from custody.workflows.record import RecordOptions, preliminary_path, start, stop

    signer = _signer(signing_key)
    chosen = options or RecordOptions()
    start(name, signer=signer, materials=materials, options=chosen)
    try:
        yield
    except BaseException:
        os.unlink(preliminary_path(chosen.directory, name, signer.public_key.keyid))
        raise
    stop(name, signer=signer, products=products, options=chosen)


def verify(
    layout: str | Envelope,
    owner_keys: Sequence[Key | str],
    *,
    links: str | EvidenceStore = ".",
    artifacts: Sequence[str] = (),
    **more: Unpack[VerifyOptions],
) -> Verdict:
    """Return the verdict on the chain that `layout` demands, with the evidence in `links`.

    All `owner_keys` (keys, or files of them) must have signed the layout, unless `demands` says how many. `artifacts`
    are files, or digests such as `sha256:...`, that the chain must have made.

    Raises:
        CustodyError: it could not be judged.

    """
    from custody.workflows.verify import Verification
    from custody.workflows.verify import verify as judge

    keys = tuple(load_key(key) if isinstance(key, str) else key for key in owner_keys)
    return judge(Verification(layout=layout, owner_keys=keys, evidence=links, artifacts=tuple(artifacts), **more))


def build_layout(source: str, output: str) -> Layout:
    """Compile the readable source in the file `source` into the unsigned layout file `output`, and return it.

    Raises:
        CustodyError: the source is no layout, a key is missing, or a file cannot be read or written.

    """
    from datetime import UTC, datetime

    from custody.workflows.layout import build_layout as compile_file

    return compile_file(source, output, at=datetime.now(UTC)).layout


def generate(path: str, kind: str = "ed25519", *, passphrase: bytes | None = None) -> PublicKey:
    """Write a new key pair to `path` (mode 0600) and `path.pub`, and return its public key.

    Kinds are `ed25519`, `ecdsa`, `ecdsa-p384`, `ecdsa-p521`, `rsa` and `ml-dsa-65`.

    Raises:
        CustodyError: one of the files exists or cannot be written; then neither is.

    """
    from custody.signing import keypair

    return keypair.write_pair(path, keypair.generate(kind), passphrase=passphrase).public_key


def load_key(path: str) -> Key:
    """Return the public key in the file `path`, or of GnuPG's keyring if it is a `gpg:` URI.

    Raises:
        CustodyError: there is none.

    """
    from custody.workflows.keys import read_public_key

    return read_public_key(path)


def _signer(key: Signer | str) -> Signer:
    if not isinstance(key, str):
        return key
    from custody.signing.registry import load_signer

    return load_signer(key)
