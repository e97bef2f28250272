"""D24, A5, A6 and GHSA-jjgp-whrp-gq8m are about GnuPG. Until custody knows OpenPGP keys it refuses them, loudly.

No key of this kind can be a functionary's or an owner's, so nothing that such a signature says is believed.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from custody.envelopes.reader import read_envelope
from custody.errors import FormatError, UsageError
from custody.signing.registry import load_signer
from custody.verdict import Reason
from custody.verification.judge import judge
from tests.simulator import actor, link_name, two_steps

FINGERPRINT = "8465a1e2e0fb2b40adb2478e18fb3f537e0c8a17"
GPG_KEY = {
    "method": "pgp+rsa-pkcsv1.5",
    "type": "rsa",
    "hashes": ["pgp+SHA2"],
    "creation_time": 1500000000,
    "keyid": FINGERPRINT,
    "keyval": {"private": "", "public": {"e": "010001", "n": "c0" * 256}},
    "subkeys": {},
}


def test_a_layout_with_an_openpgp_key_is_refused_with_its_path_and_a_remedy() -> None:
    chain = two_steps()
    chain.judge().require()
    chain.document_changes.append(lambda document: document["keys"].update({FINGERPRINT: GPG_KEY}))
    with pytest.raises(FormatError) as caught:
        chain.judge()
    assert caught.value.where == f"keys.{FINGERPRINT}"
    assert "OpenPGP" in caught.value.problem
    assert "ed25519" in caught.value.remedy


def openpgp_form(data: bytes) -> bytes:
    """Return the signed file with the same signature bytes in the form that OpenPGP signatures have."""
    document: dict[str, Any] = json.loads(data)
    document["signatures"] = [
        {"keyid": entry["keyid"], "other_headers": "04000116", "signature": entry["sig"]}
        for entry in document["signatures"]
    ]
    return json.dumps(document).encode()


@pytest.mark.parametrize("keep_good_one", [True, False])
def test_a_signature_in_openpgp_form_never_counts(keep_good_one: bool) -> None:
    chain = two_steps()
    name = link_name("build", actor("bob"))
    document = json.loads(chain.files[name])
    strange = json.loads(openpgp_form(chain.files[name]))["signatures"]
    document["signatures"] = [*strange, *(document["signatures"] if keep_good_one else [])]
    chain.files[name] = json.dumps(document).encode()
    if keep_good_one:
        chain.judge().require()
    else:
        assert chain.judge().reasons == {Reason.SIGNATURE_INVALID, Reason.TOO_FEW_FUNCTIONARIES}


def test_an_owner_signature_in_openpgp_form_never_counts() -> None:
    chain = two_steps()
    judge(chain.case(chain.envelope())).require()
    strange = read_envelope(openpgp_form(chain.envelope().write()))
    assert judge(chain.case(strange)).reasons == {Reason.OWNER_SIGNATURE_INVALID}


def test_a_gpg_signing_key_is_refused_before_any_program_runs() -> None:
    with pytest.raises(UsageError, match="cannot use 'gpg:'"):
        load_signer(f"gpg:{FINGERPRINT} --output INJECTED")
