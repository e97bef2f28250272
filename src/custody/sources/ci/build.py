"""A build: what a CI system says of what runs in it, in the words of SLSA's provenance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custody.value import Value

__all__ = ["BUILD_TYPE", "LOCAL_BUILDER", "Build", "Source"]

BUILD_TYPE = "urn:custody:build-type:{}:v1"
"""The build type of each system where nobody else's says what is written; docs/reference/formats.md describes them."""

LOCAL_BUILDER = "urn:custody:builder:local:v1"
"""Who builds where no system does: whoever signs, on a machine that nobody vouches for."""


class Source(Value):
    """The commit that was built: where its repository is, by which ref it was meant, and its id. '' is not known.

    `repository` is a URL without credentials, `ref` a full one, such as `refs/heads/main`.
    """

    repository: str = ""
    ref: str = ""
    commit: str = ""

    @property
    def uri(self) -> str:
        """The location as SPDX writes it, `git+URL@REF`, '' if nobody knows the repository."""
        revision = self.ref or self.commit
        if not self.repository:
            return ""
        return f"git+{self.repository}@{revision}" if revision else f"git+{self.repository}"


class Build(Value):
    """A build; '' and empty is what its system does not say.

    `build_type` is custody's own, and `external` its parameters. `published_type` is one that others describe, if it
    can be written exactly as they do, and `published_external` are its parameters. `entry_point` is what was started:
    a workflow's file, a job.
    """

    system: str
    title: str
    build_type: str
    builder_id: str = ""
    external: Mapping[str, Any] = {}
    published_type: str = ""
    published_external: Mapping[str, Any] = {}
    internal: Mapping[str, Any] = {}
    invocation_id: str = ""
    source: Source = Source()
    entry_point: str = ""
    started_on: str = ""
