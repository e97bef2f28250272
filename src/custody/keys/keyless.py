"""Keyless functionaries: an identity, and who vouches for it, in the place of a key.

Whoever signs gets a certificate for a few minutes and a key that is thrown away. The certificate says who they were to
the identity provider, and a log or a timestamp says that they signed while it was valid. So a layout holds no key but
names: `alice@example.com`, as `https://accounts.google.com` knows her. Either may be a regular expression, which has to
match the whole name.

Only signatures over DSSE envelopes with an in-toto payload count: the same identity signs images and other files, too,
and a signature over one of these must not be taken for a link. One identity is one vote, however many certificates it
had, and whether the layout names it or a regular expression matches it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custody.encoding.canonical import canonical_json
from custody.encoding.hashing import sha256
from custody.encoding.instants import MAX_CLOCK_SKEW, write_instant
from custody.encoding.strict import read_json
from custody.encoding.text import to_base64
from custody.keys.keyless_names import Wanted
from custody.value import Value

if TYPE_CHECKING:
    from datetime import datetime

    from custody.keys.key import SignatureValue
    from custody.keys.openpgp import Untimely
    from custody.keys.trusted_root import TrustedRoot

__all__ = ["KEYLESS_SCHEME", "KEYLESS_TYPE", "KeylessKey", "KeylessSignature", "Proof", "keyless_key"]

KEYLESS_TYPE = "sigstore-oidc"
"""The key type of an identity, as securesystemslib calls it."""

KEYLESS_SCHEME = "Fulcio"
"""Its scheme: a certificate by Fulcio, or whatever else gives such certificates."""

UNTRUSTED = "no trusted root was given to check certificates with"


class Proof(Value):
    """Who signed, according to a certificate that was checked: `subject`, vouched for by `issuer`.

    `issued` is when the certificate's few minutes began. The signature was made within them.
    """

    subject: str
    issuer: str
    issued: datetime

    def __str__(self) -> str:
        """Return both names, as findings show them."""
        return f"{self.subject!r:.200} of {self.issuer!r:.200}"


class KeylessSignature(Value):
    """A signature with the Sigstore bundle that says whose it is: `bundle` is its JSON, certificate and proofs."""

    signature: bytes
    bundle: bytes

    def entry(self, keyid: str) -> dict[str, Any]:
        """Return the entry by which a DSSE envelope carries it, as securesystemslib reads it."""
        return {"keyid": keyid, "sig": to_base64(self.signature), "bundle": read_json(self.bundle)}


class KeylessKey(Value):
    """Whoever is called `subject` and vouched for by `issuer`, as `trusted_root` has it; without that, nobody."""

    keyid: str
    subject: Wanted
    issuer: Wanted
    trusted_root: TrustedRoot | None = None

    keytype = KEYLESS_TYPE
    scheme = KEYLESS_SCHEME

    @property
    def own_id(self) -> str:
        """The id that follows from the names, as securesystemslib computes it."""
        document = {"keytype": KEYLESS_TYPE, "scheme": KEYLESS_SCHEME, "keyval": self.keyval}
        return sha256(canonical_json(document))

    @property
    def keyval(self) -> dict[str, str]:
        """Both names as a layout writes them."""
        return {**self.subject.field("identity"), **self.issuer.field("issuer")}

    @property
    def identity(self) -> str:
        """Who it is, whatever it is called: the hash of both names."""
        return self.own_id

    @property
    def identities(self) -> frozenset[str]:
        """The only identity that signs for this one."""
        return frozenset({self.identity})

    @property
    def own_ids(self) -> frozenset[str]:
        """The id that follows from the names."""
        return frozenset({self.own_id})

    @property
    def names(self) -> frozenset[str]:
        """Every id that signatures, files and layouts may call it by."""
        return frozenset({self.keyid, self.own_id})

    @property
    def listed_as(self) -> str:
        """The id by which a step lists it."""
        return self.keyid

    @property
    def called(self) -> str:
        """Both names, as findings show them."""
        return f"{self.subject.text!r:.200} of {self.issuer.text!r:.200}"

    @property
    def is_exact(self) -> bool:
        """Whether this is one identity, not whoever a regular expression matches."""
        return not (self.subject.is_regexp or self.issuer.is_regexp)

    def admits(self, other: KeylessKey) -> bool:
        """Return whether `other`, one identity, may sign for this one."""
        return other.is_exact and self.subject.admits(other.subject.text) and self.issuer.admits(other.issuer.text)

    def verify(self, signature: SignatureValue, message: bytes) -> bool:
        """Return whether `signature` over `message` is by somebody whom this names, while their certificate was valid.

        Raises:
            UsageError: the extra that checks certificates is not installed.
            StoreError, FormatError: the trusted root cannot be read, or is none.

        """
        return isinstance(signature, KeylessSignature) and not self.refusal(signature, message)

    def refusal(self, signature: KeylessSignature, message: bytes) -> str:
        """Return why `signature` does not count for this identity, '' if it does."""
        proof = self.proof(signature, message)
        if isinstance(proof, str):
            return proof
        if self.subject.admits(proof.subject) and self.issuer.admits(proof.issuer):
            return ""
        return f"it is by {proof}"

    def proof(self, signature: KeylessSignature, message: bytes) -> Proof | str:
        """Return who made `signature`, or why nobody can tell."""
        if self.trusted_root is None:
            return UNTRUSTED
        return self.trusted_root.proof(signature, message)

    def signed_as(self, signature: KeylessSignature, message: bytes) -> KeylessKey:
        """Return the one identity that made a good `signature`, under the id of this one: a vote is a person's."""
        proof = self.proof(signature, message)
        if isinstance(proof, str) or self.is_exact:
            return self
        return self.replace(subject=Wanted(text=proof.subject), issuer=Wanted(text=proof.issuer))

    def untimely(self, signature: KeylessSignature, message: bytes, at: datetime) -> Untimely | None:
        """Return why a good signature does not count at the instant `at`, None if it does."""
        proof = self.proof(signature, message)
        if isinstance(proof, str) or proof.issued - at <= MAX_CLOCK_SKEW:
            return None
        from custody.keys.openpgp import Untimely  # hardly ever

        when = write_instant(proof.issued)
        return Untimely(key_expired=False, problem=f"its certificate is valid from {when} on, which is still to come")


def keyless_key(subject: Wanted, issuer: Wanted, *, trusted_root: TrustedRoot | None = None) -> KeylessKey:
    """Return the identity under the id that follows from its names."""
    unnamed = KeylessKey(keyid="", subject=subject, issuer=issuer, trusted_root=trusted_root)
    return unnamed.replace(keyid=unnamed.own_id)
