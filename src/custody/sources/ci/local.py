"""No CI: a build on somebody's machine, of which nothing is known but what links and git say."""

from __future__ import annotations

from collections.abc import Mapping

from custody.sources.ci.build import BUILD_TYPE, LOCAL_BUILDER, Build

__all__ = ["TITLE", "read"]

TITLE = "a local build"


def read(_environment: Mapping[str, str]) -> Build:
    """Return the build, of which an environment says nothing: who can set variables here is who builds."""
    return Build(system="local", title=TITLE, build_type=BUILD_TYPE.format("local"), builder_id=LOCAL_BUILDER)
