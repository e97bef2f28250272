"""What a layout demands of a functionary's certificate: `cert_constraints`, as the Go implementation writes them.

`*` allows anything. Anything else is compared as it is, whole: no other wildcard exists. Names that a constraint does
not list must not be in the certificate, so one that lists nothing allows a certificate without names only. `roots` are
the ids of the layout's root certificates; the path must lead to one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.value import Value

if TYPE_CHECKING:
    from custody.keys.x509_certificate import Certificate
    from custody.keys.x509_names import Names

__all__ = ["ANYTHING", "CertificateConstraint"]

ANYTHING = "*"
_MAX_SHOWN = 300


class CertificateConstraint(Value):
    """The names that a certificate must have, each list exactly; `("*",)` is any or none of that kind."""

    common_name: str = ""
    dns_names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()

    def document(self) -> dict[str, str | list[str]]:
        """Return the constraint as JSON data, every field in it."""
        return {
            "common_name": self.common_name,
            "dns_names": list(self.dns_names),
            "emails": list(self.emails),
            "organizations": list(self.organizations),
            "roots": list(self.roots),
            "uris": list(self.uris),
        }

    @property
    def personal(self) -> frozenset[str]:
        """The names that every certificate has which meets it, and that tell its holder from others."""
        from custody.keys.x509_names import Names

        fixed = {kind: () if values == (ANYTHING,) else values for kind, values in self._wanted().items()}
        return Names(
            common_names=fixed["common_names"],
            dns_names=fixed["dns_names"],
            emails=fixed["emails"],
            uris=fixed["uris"],
        ).personal

    @property
    def any_name(self) -> bool:
        """Whether it demands no name at all, so that everybody meets it whom a root certified."""
        return all(values in ((), (ANYTHING,)) for values in self._wanted().values()) and any(
            values == (ANYTHING,) for values in self._wanted().values()
        )

    @property
    def any_root(self) -> bool:
        """Whether any root of the layout will do."""
        return self.roots == (ANYTHING,)

    def unmet(self, certificate: Certificate) -> tuple[str, ...]:
        """Return what the certificate's names do not meet, each as `uris: expected ..., got ...`."""
        problems = []
        for kind, wanted in self._wanted().items():
            if wanted == (ANYTHING,):
                continue
            found = _of(certificate.names, kind)
            if set(found) != set(wanted):
                problems.append(f"{_FIELDS.get(kind, kind)}: expected {_listed(wanted)}, got {_listed(found)}")
        return tuple(problems)

    def _wanted(self) -> dict[str, tuple[str, ...]]:
        return {
            "common_names": (self.common_name,) if self.common_name else (),
            "dns_names": self.dns_names,
            "emails": self.emails,
            "organizations": self.organizations,
            "uris": self.uris,
        }


_FIELDS = {"common_names": "common_name"}


def _of(names: Names, kind: str) -> tuple[str, ...]:
    found: tuple[str, ...] = getattr(names, kind)
    return found


def _listed(values: tuple[str, ...]) -> str:
    text = ", ".join(repr(value) for value in values) or "none"
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
