"""The services that keep keys, each through securesystemslib's signer for it.

securesystemslib imports the public key from AWS and Google. Azure's and Vault's are read with the clients that it uses
itself, since its own import knows the newest version only, one of Azure's clouds, and no other type than Ed25519 to say
what is wrong with a key in Vault. Where a server is, and who asks, the clients find out from the environment.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from custody.errors import FormatError
from custody.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from securesystemslib.signer import Signer, SSlibKey

    from custody.signing.kms_uri import KMSKey

__all__ = ["SERVICES", "Service"]

_AZURE_VERSION = re.compile(r"[0-9A-Za-z]{1,64}")

_AZURE_CURVES = {"P-256": "SECP256R1", "P-384": "SECP384R1", "P-521": "SECP521R1"}


class Service(Value):
    """What people call a service, what to install for it, what it needs, and how a key of it is opened for signing.

    `open` takes the key and a signature scheme, or none for the usual one.
    """

    title: str
    extra: str
    modules: tuple[str, ...]
    needs: str
    open: Callable[[KMSKey, str], tuple[Signer, SSlibKey]]


def _open_aws(key: KMSKey, scheme: str) -> tuple[Signer, SSlibKey]:
    from securesystemslib.signer import AWSSigner

    _, public = AWSSigner.import_(key.name, scheme or None)
    return AWSSigner(key.name, public), public


def _open_gcp(key: KMSKey, _scheme: str) -> tuple[Signer, SSlibKey]:
    from securesystemslib.signer import GCPSigner

    name = f"{key.name}/cryptoKeyVersions/{key.version}"
    _, public = GCPSigner.import_(name)
    return GCPSigner(name, public), public


def _open_azure(key: KMSKey, _scheme: str) -> tuple[Signer, SSlibKey]:
    from azure.identity import DefaultAzureCredential
    from azure.keyvault.keys import KeyClient
    from securesystemslib.signer import AzureSigner, SSlibKey

    client = KeyClient(vault_url=f"https://{key.host}", credential=DefaultAzureCredential())
    found = client.get_key(key.name, key.version or None)
    version = key.version or str(found.properties.version)
    if not _AZURE_VERSION.fullmatch(version):
        raise FormatError(f"expected the version of the key, got {version!r:.80}")
    public = SSlibKey.from_crypto(_public_of_jwk(found.key))
    return AzureSigner(f"https://{key.host}/keys/{key.name}/{version}", public), public


def _public_of_jwk(found: Any) -> Any:  # noqa: ANN401  # Azure's own type of a JSON Web Key
    from cryptography.hazmat.primitives.asymmetric import ec

    kind, curve = str(getattr(found.kty, "value", found.kty)), str(getattr(found.crv, "value", found.crv))
    if kind not in {"EC", "EC-HSM"} or curve not in _AZURE_CURVES:
        raise FormatError(
            f"the key is of type {kind}{f' on {curve}' if found.crv else ''}, with which securesystemslib cannot sign",
            remedy=f"make an EC key on {', '.join(_AZURE_CURVES)}",
        )
    x, y = (int.from_bytes(number, "big") for number in (found.x, found.y))
    return ec.EllipticCurvePublicNumbers(x, y, getattr(ec, _AZURE_CURVES[curve])()).public_key()


def _open_vault(key: KMSKey, _scheme: str) -> tuple[Signer, SSlibKey]:
    import hvac  # type: ignore[import-untyped]
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from securesystemslib.signer import SSlibKey, VaultSigner

    found = hvac.Client().secrets.transit.read_key(key.name)["data"]
    if found["type"] != "ed25519":
        raise FormatError(
            f"the key is of type {found['type']!r:.60}, with which securesystemslib cannot sign",
            remedy="make one of type ed25519: vault write -f transit/keys/NAME type=ed25519",
        )
    versions = found["keys"]
    version = key.version or max(versions, key=int)
    if version not in versions:
        raise FormatError(f"the key has no version {version}, only {', '.join(sorted(versions, key=int)):.200}")
    import base64

    raw = base64.b64decode(versions[version]["public_key"], validate=True)
    public = SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(raw))
    return VaultSigner(key.name, public, int(version)), public


SERVICES = {
    "awskms": Service(
        title="AWS KMS",
        extra="awskms",
        modules=("boto3",),
        needs="a key for signing, kms:GetPublicKey and kms:Sign, with credentials and AWS_DEFAULT_REGION set",
        open=_open_aws,
    ),
    "gcpkms": Service(
        title="Google Cloud KMS",
        extra="gcpkms",
        modules=("google.cloud.kms",),
        needs="roles/cloudkms.signerVerifier, with credentials such as GOOGLE_APPLICATION_CREDENTIALS names",
        open=_open_gcp,
    ),
    "azurekms": Service(
        title="Azure Key Vault",
        extra="azurekms",
        modules=("azure.identity", "azure.keyvault.keys"),
        needs="the role Key Vault Crypto User, with a login such as AZURE_CLIENT_ID and its like describe",
        open=_open_azure,
    ),
    "hashivault": Service(
        title="Vault",
        extra="hashivault",
        modules=("hvac",),
        needs="read on transit/keys/NAME and update on transit/sign/NAME, with VAULT_ADDR and VAULT_TOKEN",
        open=_open_vault,
    ),
}
"""Every service, by the name that `KMSKey.service` has."""
