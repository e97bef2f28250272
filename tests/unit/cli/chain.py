"""A small real chain on disk for the tests of commands: keys, a layout, links, a product."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from custody.cli.main import main

SOURCE = """\
expires: {expires}
functionaries:
  alice: keys/alice.pub
  bob: keys/bob.pub
steps:
  - name: write
    functionaries: [alice]
    expected_command: [sh, -c, "echo 1 > app.c"]
    expected_materials: [DISALLOW *]
    expected_products: [CREATE app.c, DISALLOW *]
  - name: build
    functionaries: [bob]
    expected_command: cp app.c app
    expected_materials: [MATCH app.c WITH PRODUCTS FROM write, DISALLOW *]
    expected_products: [CREATE app, MATCH app.c WITH PRODUCTS FROM write, {build_rules}DISALLOW *]
{inspect}
"""


class Chain:
    """A directory with a finished chain, the current directory of the test."""

    def __init__(self, directory: Path) -> None:
        """Make keys; `build` does the rest."""
        self.directory = directory
        (directory / "keys").mkdir()
        for name in ("owner", "second", "alice", "bob", "mallory"):
            assert main(["keygen", f"keys/{name}"]) == 0

    def layout(
        self,
        *,
        expires: str = "6 months",
        build_rules: str = "",
        inspect: str = "",
        owners: Sequence[str] = ("owner",),
        more: Sequence[str] = (),
    ) -> None:
        """Build and sign `root.layout`."""
        source = SOURCE.format(expires=expires, build_rules=build_rules, inspect=inspect)
        Path("supply-chain.yaml").write_text(source)
        assert main(["layout", "build", "supply-chain.yaml", "-o", "root.layout", "--force"]) == 0
        self.sign(*owners, more=more)

    def sign(self, *owners: str, more: Sequence[str] = ()) -> None:
        """Sign the layout anew."""
        keys = [f"keys/{owner}" for owner in owners]
        assert main(["sign", "-f", "root.layout", "--signing-key", *keys, *more]) == 0

    def perform(self, *more: str) -> None:
        """Perform both steps; `more` are options for both runs."""
        self.run("write", "alice", (), ("app.c",), ["sh", "-c", "echo 1 > app.c"], *more)
        self.run("build", "bob", ("app.c",), ("app.c", "app"), ["cp", "app.c", "app"], *more)

    def run(
        self,
        step: str,
        who: str,
        materials: Sequence[str],
        products: Sequence[str],
        command: Sequence[str],
        *more: str,
    ) -> None:
        """Perform a step."""
        before = ["-m", *materials] if materials else []
        code = main(
            ["run", "-n", step, "--signing-key", f"keys/{who}", *before, "-p", *products, *more, "--", *command]
        )
        assert code == 0

    def change(self, change: Callable[[dict[str, Any]], None], *owners: str) -> None:
        """Change the signed document of the layout and sign it again."""
        path = Path("root.layout")
        envelope = json.loads(path.read_text())
        change(envelope["signed"])
        path.write_text(json.dumps(envelope))
        self.sign(*(owners or ("owner",)), more=["--ignore-field", "steps[0].comment"])


def verify(*more: str, keys: Sequence[str] = ("owner",)) -> int:
    """Return the exit code of `custody verify` on the chain."""
    files = [f"keys/{key}.pub" for key in keys]
    return main(["verify", "-l", "root.layout", "--verification-keys", *files, *more])
