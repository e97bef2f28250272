"""The story: five people, four steps, one inspection; then a builder who is not to be trusted."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from typing import TYPE_CHECKING

from custody.demo.stage import Stage
from custody.errors import StoreError, UsageError
from custody.files import write_file

if TYPE_CHECKING:
    from custody.demo.projects import Project

__all__ = ["prepare", "tell", "tell_owner"]

_PEOPLE = ("owner", "alice", "bob", "carol", "dave")

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./=+-]+")

_SOURCE = """\
readme: How the demo's project is made
expires: 6 months

functionaries:
  alice: keys/alice.pub
  bob: keys/bob.pub
  carol: keys/carol.pub
  dave: keys/dave.pub

steps:
  - name: clone
    functionaries: [alice]
    expected_command: {clone}
    expected_materials: [DISALLOW *]
    expected_products: [CREATE project/*, DISALLOW *]

  - name: review
    functionaries: [bob, carol]
    threshold: 2
    expected_command: git -C project log --stat -1
    expected_materials: [MATCH project/* WITH PRODUCTS FROM clone, DISALLOW *]
    expected_products: [MATCH project/* WITH PRODUCTS FROM clone, DISALLOW *]

  - name: test
    functionaries: [dave]
    expected_command: {test}
    expected_materials: [MATCH project/* WITH PRODUCTS FROM review, DISALLOW *]
    expected_products: [MATCH project/* WITH PRODUCTS FROM review, DISALLOW *]

  - name: build
    functionaries: [dave]
    expected_command: {build}
    expected_materials: [MATCH project/* WITH PRODUCTS FROM review, DISALLOW *]
    expected_products: [CREATE dist/{wheel}, MATCH project/* WITH PRODUCTS FROM review, DISALLOW *]

inspect:
  - name: unpack
    run: python3 -m zipfile -e {wheel} unpacked
    expected_materials: [MATCH {wheel} WITH PRODUCTS IN dist FROM build, DISALLOW *]
    expected_products:
      - MATCH * IN {unpacked} WITH PRODUCTS IN {package} FROM review
      - ALLOW {info}/*
      - MATCH {wheel} WITH PRODUCTS IN dist FROM build
      - DISALLOW *
"""


def prepare(directory: str) -> str:
    """Return the absolute path of an empty directory for the demo, made if it is missing."""
    path = os.path.abspath(directory)
    if not path.isprintable():
        raise UsageError(f"the demo wants a directory whose name is plain text, and {path!r} is not: name another")
    try:
        if os.path.isdir(path) and os.listdir(path):
            raise UsageError(f"the demo wants an empty directory, and {directory!r} is not: name another")
        os.makedirs(path, exist_ok=True)
        for name in ("keys", "work", "delivery", "tampered"):
            os.makedirs(os.path.join(path, name))
    except OSError as error:
        raise StoreError(f"cannot make the demo's directory {directory!r}: {error.strerror}") from error
    return path


def tell(project: Project, stage: Stage) -> None:
    """Carry `project` through its chain on `stage`, and show that tampering is found."""
    stage.headline(f"The project: {project.title}")
    tell_owner(project, stage)
    _perform(project, stage)
    _deliver(project, stage)
    _tamper(project, stage)
    stage.headline(
        f"Everything is in {stage.directory}: keys, supply-chain.yaml, root.layout, work, delivery, tampered."
    )


def tell_owner(project: Project, stage: Stage) -> None:
    """Make everybody's keys, and the signed layout."""
    stage.headline("The owner says how it has to be made: four functionaries, two of whom review.")
    for name in _PEOPLE:
        stage.custody("keygen", f"keys/{name}", shown=False)
    words = {
        "clone": _written(_clone(project)),
        "test": _written(project.test),
        "build": _written(project.build),
        "wheel": project.wheel,
        "package": project.package,
        "unpacked": project.unpacked,
        "info": project.info,
    }
    source = os.path.join(stage.directory, "supply-chain.yaml")
    write_file(source, _SOURCE.format(**words).encode(), what="layout source")
    stage.custody("layout", "build", "supply-chain.yaml", "-o", "root.layout")
    stage.custody("sign", "-f", "root.layout", "--signing-key", "keys/owner")


def _clone(project: Project) -> tuple[str, ...]:
    return ("git", "clone", "--quiet", project.repository, "project")


def _written(command: tuple[str, ...]) -> str:
    """Return `command` as a source has it: as a line, or as a list where a word needs quotes."""
    if all(_PLAIN_WORD.fullmatch(word) for word in command):
        return " ".join(command)
    return json.dumps(command, ensure_ascii=False)


def _perform(project: Project, stage: Stage) -> None:
    stage.headline("Everybody does their step and signs what they did.")
    _step(stage, ("clone", "alice"), (), ("project",), _clone(project))
    look = ("git", "-C", "project", "log", "--stat", "-1")
    for reviewer in ("bob", "carol"):
        _step(stage, ("review", reviewer), ("project",), ("project",), look)
    _step(stage, ("test", "dave"), ("project",), ("project",), project.test)
    _step(stage, ("build", "dave"), ("project",), ("project", "dist"), project.build)


def _step(
    stage: Stage,
    step: tuple[str, str],
    materials: tuple[str, ...],
    products: tuple[str, ...],
    command: tuple[str, ...],
    cwd: str = "work",
) -> None:
    """Have the functionary of `step` (its name and theirs) perform it; tests and builds run inside the clone."""
    name, who = step
    inside = ("--run-dir", "project") if cwd == "work" and name in {"test", "build"} else ()
    stage.custody(
        *("run", "-n", name, "--signing-key", f"../keys/{who}"),
        *(("-m", *materials) if materials else ()),
        *("-p", *products, "--exclude", ".git", *inside, "--", *command),
        cwd=cwd,
    )


def _verify(project: Project, links: str = "../work") -> tuple[str, ...]:
    return (
        *("verify", "-l", "../root.layout", "--verification-keys", "../keys/owner.pub"),
        *("--link-dir", links, "--artifact", project.wheel),
    )


def _deliver(project: Project, stage: Stage) -> None:
    stage.headline("Somebody receives the wheel and wants to know.")
    built = os.path.join(stage.directory, "work", "dist", project.wheel)
    shutil.copy(built, os.path.join(stage.directory, "delivery", project.wheel))
    stage.show(stage.custody(*_verify(project), cwd="delivery"))


def _tamper(project: Project, stage: Stage) -> None:
    module = f"{project.unpacked.removeprefix('unpacked/')}/{project.module}"
    stage.headline(f"Somebody changes {module} in the wheel on its way.")
    wheel = os.path.join(stage.directory, "tampered", project.wheel)
    _change(os.path.join(stage.directory, "delivery", project.wheel), wheel, module)
    stage.show(stage.rejected(*_verify(project), cwd="tampered"), "rejection", "did not pass")

    stage.headline(f"Dave himself slips the changed {module} into the wheel, and signs it as built.")
    _forge(project, stage)
    output = stage.rejected(*_verify(project, "../forged"), "--inspection-copy", cwd="tampered")
    stage.show(output, "warning", "rejection", module, "expected", "found", "did not pass")


def _forge(project: Project, stage: Stage) -> None:
    """Have the builder sign, with the real key, a link that has the changed wheel as its product."""
    work, forged = (os.path.join(stage.directory, name) for name in ("work", "forged"))
    shutil.copytree(work, forged, ignore=shutil.ignore_patterns("dist"))
    os.makedirs(os.path.join(forged, "dist"))
    command = ("cp", f"../tampered/{project.wheel}", "dist")
    _step(stage, ("build", "dave"), ("project",), ("project", "dist"), command, cwd="forged")


def _change(source: str, target: str, module: str) -> None:
    """Copy the wheel, with one more line in `module`."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            data = old.read(entry)
            new.writestr(entry, data + b"\nprint('owned')\n" if entry.filename == module else data)
