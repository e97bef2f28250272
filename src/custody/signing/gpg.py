"""Keys in GnuPG's keyrings: signing with them, and exporting their public halves. gpg itself does both.

`gpg:FINGERPRINT` names a key, `gpg:` the default one; `?home=DIR` another keyring than the usual one, as in
`gpg:FINGERPRINT?home=/srv/ci gpg`. Passphrases and cards are the agent's business: it asks for what it needs, and
custody never sees it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from custody.errors import FormatError, SignatureError, UsageError
from custody.keys.key import ignore_remark
from custody.keys.openpgp import OpenPGPSignature, algorithm_of
from custody.keys.openpgp_packets import SIGNATURE, read_packet, read_signature_packet
from custody.signing.gpg_keyring import GPGError, Keyring

if TYPE_CHECKING:
    from collections.abc import Callable

    from custody.keys.openpgp import OpenPGPKey
    from custody.keys.openpgp_packets import SignaturePacket
    from custody.signing.gpg_keyring import Listed

__all__ = ["GPGSigner", "export_key", "parse_uri"]


class GPGSigner:
    """A signer over a key in GnuPG's keyring; its text form shows the fingerprint of the key that signs."""

    __slots__ = ("_keyring", "_part", "_public_key")

    def __init__(self, keyid: str = "", home: str = "", *, remark: Callable[[str], None] = ignore_remark) -> None:
        """Sign with the key or subkey `keyid`, by default GnuPG's default key; `home` is the keyring's directory.

        Of a key with subkeys, gpg's choice signs: the newest that may, or with `!` behind its id exactly that one.

        Raises:
            UsageError: there is no gpg, no such key, several, or it cannot sign.
            FormatError: the key has expired, is revoked, or is no key to rely on.

        """
        self._keyring = Keyring(home)
        chosen = self._keyring.chosen(keyid, secret=True)
        self._public_key = self._keyring.exported(chosen.primary, remark)
        self._part = _signing_part(chosen, self._public_key, self._keyring.listed(secret=True))

    def __repr__(self) -> str:
        """Return the name of the key."""
        return f"GPGSigner({self._part.keyid})"

    @property
    def public_key(self) -> OpenPGPKey:
        """The primary key with its subkeys, which verifies what `sign` returns."""
        return self._public_key

    @property
    def signing_id(self) -> str:
        """The fingerprint of the key or subkey that signs, after which links are called."""
        return self._part.keyid

    def sign(self, message: bytes) -> OpenPGPSignature:
        """Return the signature over `message`, which was verified.

        Raises:
            SignatureError: gpg could not sign, or signed something else.

        """
        try:
            signature = _parsed(self._keyring.signed(self._part.keyid, message), self._part)
        except GPGError as error:
            raise SignatureError(f"gpg could not sign with {self._part.keyid}: {error}") from None
        if not self._public_key.verify(signature, message):
            raise SignatureError(f"gpg made a signature that is not by key {self._part.keyid} over what was given")
        late = self._public_key.untimely(signature, datetime.now(UTC))
        if late is not None:
            raise SignatureError(f"gpg made a signature that nobody would accept: {late.problem}")
        return signature


def export_key(keyid: str = "", home: str = "", *, remark: Callable[[str], None] = ignore_remark) -> OpenPGPKey:
    """Return the public key that `keyid` means, with those of its subkeys that may sign; by default the default key.

    A subkey's id means its primary key.

    Raises:
        UsageError: there is no gpg, no such key, or several.
        FormatError: the key has expired, is revoked, or is no key to rely on.

    """
    keyring = Keyring(home)
    chosen = keyring.chosen(keyid, secret=False)
    key = keyring.exported(chosen.primary, remark)
    if key.part(chosen.fingerprint) is None:
        raise UsageError(f"the subkey {chosen.fingerprint} of {key.keyid} is none that may sign now")
    return key


def parse_uri(rest: str) -> tuple[str, str]:
    """Return key id and home of what follows `gpg:` in a URI; either may be empty.

    Raises:
        UsageError: something else is asked for.

    """
    keyid, question, query = rest.partition("?")
    if not question:
        return keyid, ""
    name, _, value = query.partition("=")
    if name != "home" or not value:
        raise UsageError(f"'gpg:{rest:.200}': expected gpg:FINGERPRINT?home=DIR, got {query!r:.80} after the '?'")
    from urllib.parse import unquote

    return keyid, unquote(value)


def _signing_part(chosen: Listed, key: OpenPGPKey, secret: tuple[Listed, ...]) -> OpenPGPKey:
    """Return the key or subkey that signs; of several subkeys the newest, as gpg itself chooses."""
    here = {listed.fingerprint for listed in secret if listed.signs and listed.here}
    able = [part for part in key.signing_parts() if part.keyid in here]
    if chosen.exact or chosen.fingerprint != chosen.primary:
        able = [part for part in able if part.keyid == chosen.fingerprint]
    elif len(able) > 1:
        able = [part for part in able if part.keyid != key.keyid]
    if not able:
        raise UsageError(
            f"the key {chosen.fingerprint} cannot sign here: it is for something else, has expired, is revoked, or its"
            " secret half is elsewhere"
        )
    return max(able, key=lambda part: part.created)


def _only_signature(packet: bytes) -> SignaturePacket:
    tag, body, rest = read_packet(packet)
    if tag != SIGNATURE or rest:
        raise FormatError("expected one signature", remedy="does gpg.conf add another key or option?")
    return read_signature_packet(body)


def _parsed(packet: bytes, key: OpenPGPKey) -> OpenPGPSignature:
    """Return the one signature in what gpg wrote, in the form that layouts and links carry."""
    try:
        found = _only_signature(packet)
        value = algorithm_of(key).signature_of(found.numbers, key.spki)
    except FormatError as error:
        raise SignatureError(f"gpg made something else than a signature: {error}") from None
    return OpenPGPSignature(keyid=key.keyid, signature=value, other_headers=found.other_headers)
