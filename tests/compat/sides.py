"""Two sides of one claim: what is here, and the reference. The same files and command lines go to both.

`Here` runs the commands and scripts in this process, `Reference` in its own environment. A `Place` is a directory of
one test, in which a chain of the simulator lies as files:

    place.expect(chain, here=1, there=0, says="expires")

lays the chain down, runs `in-toto-verify` on it, and compares the exit code with the one of its side.
"""

from __future__ import annotations

import contextlib
import io
import shlex
import shutil
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cryptography.hazmat.primitives import serialization

from custody.cli.main import main as custody_main
from tests.compat.differential.sides import theirs
from tests.simulator import Actor, Simulator, two_steps

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FAR", "Here", "Place", "Ran", "Reference", "Side", "chain_of_two", "new_chain"]

FAR = datetime(2100, 1, 1, tzinfo=UTC)
"""When the layouts of these tests expire: the commands judge by the clock."""


class Ran(NamedTuple):
    """How something ended, and what it printed."""

    code: int
    out: str
    err: str


class Side(Protocol):
    """Who carries out a command."""

    is_reference: bool

    def python(self, code: str, *argv: str, cwd: Path) -> Ran:
        """Return what the script `code` does in `cwd`."""

    def command(self, name: str, *arguments: str, cwd: Path) -> Ran:
        """Return what the command `name` does in `cwd`."""


class Here:
    """The compatible commands and package, in this process."""

    is_reference = False

    def python(self, code: str, *argv: str, cwd: Path) -> Ran:
        """Return what the script `code` does in `cwd`."""
        return _in_process(lambda: exec(code, {"__name__": "__main__"}), argv, cwd)  # noqa: S102  # of the tests

    def command(self, name: str, *arguments: str, cwd: Path) -> Ran:
        """Return what the command `name` does in `cwd`."""
        module = name.replace("-", "_")
        return self.python(f"from in_toto.{module} import main; main()", name, *arguments, cwd=cwd)


class Reference:
    """The reference, in an environment of its own."""

    is_reference = True

    def __init__(self, home: Path) -> None:
        """Start it; its commands have `home` for a home."""
        self._worker = theirs(home)

    def close(self) -> None:
        """End it."""
        self._worker.close()

    def python(self, code: str, *argv: str, cwd: Path) -> Ran:
        """Return what the script `code` does in `cwd`."""
        ran = self._worker.script(code, *argv[1:], directory=cwd)
        return Ran(ran.exit, ran.out, ran.err)

    def command(self, name: str, *arguments: str, cwd: Path) -> Ran:
        """Return what the command `name` does in `cwd`."""
        ran = self._worker.run(name, *arguments, directory=cwd)
        return Ran(ran.exit, ran.out, ran.err)


def _in_process(perform: Callable[[], object], argv: tuple[str, ...], cwd: Path) -> Ran:
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = list(argv)
    try:
        with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = _status(perform)
    finally:
        sys.argv = before
    return Ran(code, out.getvalue(), err.getvalue())


def _status(perform: Callable[[], object]) -> int:
    try:
        perform()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # noqa: BLE001  # a script of a test ends as the interpreter would end it
        traceback.print_exc()
        return 1
    return 0


def new_chain(*, dsse: bool = False) -> Simulator:
    """Return a chain without steps that has not expired."""
    chain = Simulator(dsse=dsse)
    chain.layout = chain.layout.replace(expires=FAR)
    return chain


def chain_of_two(*, dsse: bool = False) -> Simulator:
    """Return the chain of two steps that is accepted and has not expired."""
    chain = two_steps(dsse=dsse)
    chain.layout = chain.layout.replace(expires=FAR)
    return chain


class Place:
    """A directory with a chain as files: `root.layout`, `links/`, the `final` product, in which commands run, keys."""

    def __init__(self, root: Path, side: Side) -> None:
        """Start with an empty final product."""
        self.root = root
        self.side = side
        self.final = root / "final"
        self.final.mkdir()

    @property
    def is_here(self) -> bool:
        """Whether this is the side that the page recommends: remedies are carried out on it."""
        return not self.side.is_reference

    def key(self, name: str) -> str:
        """Return the path of the private key of `name`; its public key lies beside it, `.pub`."""
        path = self.root / name
        path.touch(mode=0o600)
        private = Actor(name)._private
        path.write_bytes(
            private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        path.with_suffix(".pub").write_bytes(
            private.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        return str(path)

    def lay(self, chain: Simulator) -> None:
        """Write the layout and the links of `chain`, in place of those that lie there."""
        self.key("owner")
        links = self.root / "links"
        shutil.rmtree(links, ignore_errors=True)
        links.mkdir()
        for name, data in chain.files.items():
            path = links / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (self.root / "root.layout").write_bytes(chain.envelope().write())

    def verify(self, *options: str) -> Ran:
        """Return what `in-toto-verify` says of what lies there."""
        return self.command("in-toto-verify", *_VERIFY, *options)

    def expect(self, chain: Simulator, *, here: int, there: int, says: str = "", refuses: str = "") -> Ran:
        """Lay `chain` down and compare the exit code of `in-toto-verify`; `says` and `refuses` are for either side."""
        self.lay(chain)
        ran = self.verify()
        wanted, words = (here, says) if self.is_here else (there, refuses)
        assert ran.code == wanted, ran.err
        assert words in ran.err, ran.err
        return ran

    def command(self, name: str, *arguments: str) -> Ran:
        """Return what the command does in the final product."""
        return self.side.command(name, *arguments, cwd=self.final)

    def python(self, code: str, *argv: str) -> Ran:
        """Return what the script does in the final product."""
        return self.side.python(code, "script", *argv, cwd=self.final)

    def custody(self, line: str) -> Ran:
        """Return what the command line `custody ...` does in the final product, as pages print it."""
        words = shlex.split(line)
        assert words[0] == "custody"
        return _in_process(lambda: sys.exit(custody_main(words[1:])), tuple(words), self.final)

    def remedy(self, options: str = "") -> int:
        """Return the exit code of `custody verify` with `options`, on what lies there."""
        return self.custody(f"custody verify {' '.join(_VERIFY)} {options}").code


_VERIFY = ("--layout", "../root.layout", "--verification-keys", "../owner.pub", "--link-dir", "../links")
