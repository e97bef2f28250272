"""Steps: what is recorded of them, and the links that say so.

The functions keep the arguments of the reference; custody does what they say. Settings that are left out are looked
up in `in_toto.settings` at each call, also the time-out.
"""

from __future__ import annotations

from in_toto._boundary.timeouts import FROM_SETTINGS, seconds_of

TYPE_CHECKING = False  # known to checkers; importing it from `typing` takes longer than this module
if TYPE_CHECKING:
    from typing import Any

    from in_toto._boundary.steps import AnySigner
    from in_toto.models.link import Link
    from in_toto.models.metadata import Metadata

__all__ = [
    "execute_link",
    "in_toto_match_products",
    "in_toto_mock",
    "in_toto_record_start",
    "in_toto_record_stop",
    "in_toto_run",
    "record_artifacts_as_dict",
]


def record_artifacts_as_dict(
    artifacts: list[str] | None,
    exclude_patterns: list[str] | None = None,
    base_path: str | None = None,
    follow_symlink_dirs: bool = False,  # noqa: FBT001, FBT002  # public
    normalize_line_endings: bool = False,  # noqa: FBT001, FBT002  # public
    lstrip_paths: list[str] | None = None,
) -> dict[str, dict[str, str]]:
    """Return the digests of the files at and below `artifacts`, by name.

    Args:
        artifacts: Paths, and URIs of the schemes `file`, `dir`, `ostree` and those of registered resolvers.
        exclude_patterns: Gitignore patterns of what is left out, those of the settings if there are none here.
        base_path: Where paths start: the setting if None, and the current directory if that is None, too.
        follow_symlink_dirs: Whether directories behind symbolic links are recorded, too.
        normalize_line_endings: Whether CRLF and CR are hashed as LF.
        lstrip_paths: Beginnings to remove from names, of which none may begin with another.

    Raises:
        PrefixError: two artifacts have one name without their prefixes.
        OSError: the base path is no directory, or a file cannot be read.
        ValueError: an argument has the wrong type, or something there cannot be recorded truthfully.

    """
    from in_toto._boundary.recording import Recorder

    recorder = Recorder(
        exclude_patterns=exclude_patterns,
        base_path=base_path,
        follow_symlink_dirs=follow_symlink_dirs,
        normalize_line_endings=normalize_line_endings,
        lstrip_paths=lstrip_paths,
    )
    return recorder.record_dict(artifacts)


def execute_link(
    link_cmd_args: list[str],
    record_streams: bool,  # noqa: FBT001  # public
    timeout: float | None,
) -> dict[str, Any]:
    """Return `stdout`, `stderr` and `return-value` of a command that was run now.

    With `record_streams` both are shown and returned, else they are dropped.

    Raises:
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it took longer than `timeout` seconds; everything it started is gone.

    """
    from in_toto._boundary.steps import Work, execute

    return execute(Work(command=link_cmd_args, record_streams=record_streams, timeout=timeout))


def in_toto_mock(
    name: str,
    link_cmd_args: list[str],
    use_dsse: bool = False,  # noqa: FBT001, FBT002  # public
) -> Metadata:
    """Return an unsigned link of a command that was run now, with everything here before and after it.

    It lies in `NAME.link`.

    Raises:
        FormatError: the name is no plain file name.
        OSError: the command cannot be started, or the link cannot be written.
        subprocess.TimeoutExpired: the command took too long.

    """
    from in_toto._boundary import talk

    metadata = in_toto_run(name, ["."], ["."], link_cmd_args, record_streams=True, use_dsse=use_dsse)
    filename = f"{name}.link"
    talk.info("in_toto.runlib", f"Storing unsigned link metadata to '{filename}'...")
    metadata.dump(filename)
    return metadata


def in_toto_run(  # noqa: PLR0913, PLR0917  # public
    name: str,
    material_list: list[str] | None,
    product_list: list[str] | None,
    link_cmd_args: list[str] | None,
    record_streams: bool = False,  # noqa: FBT001, FBT002  # public
    gpg_keyid: str | None = None,
    gpg_use_default: bool = False,  # noqa: FBT001, FBT002  # public
    gpg_home: str | None = None,
    exclude_patterns: list[str] | None = None,
    base_path: str | None = None,
    compact_json: bool = False,  # noqa: FBT001, FBT002  # public
    record_environment: bool = False,  # noqa: FBT001, FBT002  # public
    normalize_line_endings: bool = False,  # noqa: FBT001, FBT002  # public
    lstrip_paths: list[str] | None = None,
    metadata_directory: str | None = None,
    use_dsse: bool = False,  # noqa: FBT001, FBT002  # public
    timeout: float | None = FROM_SETTINGS,
    signer: AnySigner = None,
) -> Metadata:
    """Return the link of a step that was carried out now.

    Signed by `signer`, by the GPG key `gpg_keyid` or by the default GPG key, whichever is given first, it also lies in
    `NAME.KEYID.link`, KEYID being the first 8 digits of the key's id. Without a key it is not written. A command that
    failed has a link like any other.

    Args:
        name: The step's name in the layout.
        material_list: What is recorded before the command runs; see `record_artifacts_as_dict`.
        product_list: What is recorded after it.
        link_cmd_args: The command and its arguments; without one, materials and products are recorded all the same.
        record_streams: Whether what the command prints is shown and becomes part of the link, or is dropped.
        gpg_keyid: A GPG key.
        gpg_use_default: Whether to sign with the default GPG key.
        gpg_home: The GPG home directory, if not the usual one.
        exclude_patterns: See `record_artifacts_as_dict`.
        base_path: See there.
        compact_json: Whether the link is written without white space.
        record_environment: Whether the link says which directory this is.
        normalize_line_endings: See `record_artifacts_as_dict`.
        lstrip_paths: See there.
        metadata_directory: The existing directory that gets the link, the current one if None.
        use_dsse: Whether the link is in a DSSE envelope.
        timeout: Seconds after which the command is ended, None for no limit; the setting unless given.
        signer: A signer of securesystemslib, or whatever signs like one.

    Raises:
        FormatError: the name is no plain file name, or an argument is malformed.
        subprocess.TimeoutExpired: the command took too long; there is no link.
        PrefixError, OSError, ValueError: something cannot be recorded, run, signed or written.

    """
    from in_toto._boundary.recording import Recorder, Step
    from in_toto._boundary.steps import Signing, Work, carry_out

    _check_lists(link_cmd_args, material_list, product_list, exclude_patterns)
    _check_strings(base_path, metadata_directory)
    return carry_out(
        Step(name=name, materials=material_list or (), products=product_list or ()),
        Work(
            command=link_cmd_args or (),
            record_streams=record_streams,
            timeout=seconds_of(timeout),
        ),
        Recorder(
            exclude_patterns=exclude_patterns,
            base_path=base_path,
            normalize_line_endings=normalize_line_endings,
            lstrip_paths=lstrip_paths,
        ),
        Signing(
            signer=signer,
            gpg_keyid=gpg_keyid,
            gpg_use_default=gpg_use_default,
            gpg_home=gpg_home,
            directory=metadata_directory or "",
            use_dsse=use_dsse,
            compact_json=compact_json,
        ),
        record_environment=record_environment,
    )


def in_toto_record_start(  # noqa: PLR0913, PLR0917  # public
    step_name: str,
    material_list: list[str] | None,
    gpg_keyid: str | None = None,
    gpg_use_default: bool = False,  # noqa: FBT001, FBT002  # public
    gpg_home: str | None = None,
    exclude_patterns: list[str] | None = None,
    base_path: str | None = None,
    record_environment: bool = False,  # noqa: FBT001, FBT002  # public
    normalize_line_endings: bool = False,  # noqa: FBT001, FBT002  # public
    lstrip_paths: list[str] | None = None,
    use_dsse: bool = False,  # noqa: FBT001, FBT002  # public
    signer: AnySigner = None,
) -> None:
    """Record the materials of a step that no single command performs.

    Signed, they wait in `.STEP.KEYID.link-unfinished` in the current directory until `in_toto_record_stop`. That file
    is no link and never becomes evidence (D26). The arguments are those of `in_toto_run`; one of the keys is needed.

    Raises:
        FormatError: the name is no plain file name, or an argument is malformed.
        PrefixError, OSError, ValueError: something cannot be recorded, signed or written.

    """
    from in_toto._boundary.recording import Recorder, Step
    from in_toto._boundary.steps import Signing, start

    _check_strings(gpg_keyid, base_path)
    _check_lists(material_list, exclude_patterns)
    start(
        Step(name=step_name, materials=material_list or ()),
        Recorder(
            exclude_patterns=exclude_patterns,
            base_path=base_path,
            normalize_line_endings=normalize_line_endings,
            lstrip_paths=lstrip_paths,
        ),
        Signing(
            signer=signer,
            gpg_keyid=gpg_keyid,
            gpg_use_default=gpg_use_default,
            gpg_home=gpg_home,
            use_dsse=use_dsse,
        ),
        record_environment=record_environment,
    )


def in_toto_record_stop(  # noqa: PLR0913, PLR0917  # public
    step_name: str,
    product_list: list[str] | None,
    gpg_keyid: str | None = None,
    gpg_use_default: bool = False,  # noqa: FBT001, FBT002  # public
    gpg_home: str | None = None,
    exclude_patterns: list[str] | None = None,
    base_path: str | None = None,
    normalize_line_endings: bool = False,  # noqa: FBT001, FBT002  # public
    lstrip_paths: list[str] | None = None,
    metadata_directory: str | None = None,
    command: list[str] | None = None,
    byproducts: dict[str, Any] | None = None,
    environment: dict[str, Any] | None = None,
    signer: AnySigner = None,
) -> None:
    """Write the link of a step that `in_toto_record_start` began with the same key, in the envelope that it chose.

    `command`, `byproducts` and `environment` are what the link says of them; the other arguments are those of
    `in_toto_run`.

    Raises:
        FileNotFoundError, LinkNotFoundError: the step was not started here with this key.
        SignatureVerificationError: what was started is not as this key signed it.
        FormatError: it is no started recording of this step, or an argument is malformed.
        PrefixError, OSError, ValueError: something cannot be recorded, signed or written.

    """
    from in_toto._boundary.recording import Recorder, Step
    from in_toto._boundary.steps import Signing, stop

    _check_lists(product_list, exclude_patterns, command)
    _check_strings(base_path, metadata_directory)
    stop(
        Step(name=step_name, products=product_list or ()),
        Recorder(
            exclude_patterns=exclude_patterns,
            base_path=base_path,
            normalize_line_endings=normalize_line_endings,
            lstrip_paths=lstrip_paths,
        ),
        Signing(
            signer=signer,
            gpg_keyid=gpg_keyid,
            gpg_use_default=gpg_use_default,
            gpg_home=gpg_home,
            directory=metadata_directory or "",
        ),
        {"command": tuple(command or ()), "byproducts": byproducts, "environment": environment},
    )


def in_toto_match_products(
    link: Link,
    paths: list[str] | None = None,
    exclude_patterns: list[str] | None = None,
    lstrip_paths: list[str] | None = None,
) -> tuple[set[str], set[str], set[str]]:
    """Return three sets of names: only in the products of `link`, not in its products, and with other digests there.

    Compared is what lies at `paths`, the current directory if None. The signatures of the link are not looked at.
    """
    from in_toto._boundary.recording import Recorder
    from in_toto._boundary.steps import products_differing

    recorder = Recorder(
        exclude_patterns=exclude_patterns,
        follow_symlink_dirs=False,
        lstrip_paths=lstrip_paths,
    )
    return products_differing(link, ["."] if paths is None else paths, recorder)


def _check_strings(*values: object) -> None:
    from in_toto._boundary.checks import unexpected

    for value in values:
        if value and not isinstance(value, str):
            raise unexpected(value, "str")


def _check_lists(*values: object) -> None:
    from in_toto._boundary.checks import unexpected

    for value in values:
        if value and not isinstance(value, list | tuple):
            raise unexpected(value, "list")
        if isinstance(value, list | tuple):
            _check_strings(*value)
