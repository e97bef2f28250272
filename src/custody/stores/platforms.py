"""The image of a store that is for one platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custody.encoding.fields import Fields
from custody.encoding.strict import read_json
from custody.errors import FormatError, StoreError
from custody.oci.descriptor import Platform
from custody.oci.manifest import MAX_MANIFEST_BYTES, Index, Manifest
from custody.oci.platforms import pick, suits

if TYPE_CHECKING:
    from custody.stores.images import ImageStore

__all__ = ["for_platform"]


def for_platform(store: ImageStore, image: Manifest | Index, wanted: Platform | None) -> Manifest | Index:
    """Return the one image of an index that is for `wanted`; an image that is no index has to be for it itself.

    Without a platform that is wanted, it is `image`.

    Raises:
        FormatError: there is none, or there are several.
        StoreError: the image is for another platform.

    """
    if wanted is None:
        return image
    if isinstance(image, Index):
        return store.manifest(str(pick(image, wanted).digest))
    found = _platform_of(store, image)
    if not suits(found, wanted):
        raise StoreError(
            f"{store.title}: {image.digest} is for {str(found) or 'no platform'}, and not for {wanted}; it is no index"
            " with several"
        )
    return image


def _platform_of(store: ImageStore, image: Manifest) -> Platform:
    """Return what the config of `image` says it is for."""
    try:
        config = Fields(read_json(store.read_blob(image.config, MAX_MANIFEST_BYTES), limit=MAX_MANIFEST_BYTES))
        return Platform(
            os=config.text("os", ""), architecture=config.text("architecture", ""), variant=config.text("variant", "")
        )
    except FormatError as error:
        raise error.within(f"{store.title}: the config of {image.digest}") from None
