"""The tests that the reference publishes, run on our package: what fails is what the table says, with its reason.

What fails on the reference itself, here and now, is left out: some of its tests need another user than root.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import custody
import in_toto

ROOT = Path(__file__).parents[2]
SUITE = ROOT / ".reference" / "in_toto-3.1.0" / "tests"
REFERENCE = ROOT / ".reference" / "venv" / "bin" / "python"
RUNNER = Path(__file__).parent / "suite_runner.py"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.component("reference"),
    pytest.mark.component("reference-source"),
    pytest.mark.component("gpg"),
]

PLACEHOLDERS = {
    "in_toto.common_args": [
        *("KEY_PASSWORD_ARGS", "KEY_PASSWORD_KWARGS", "OPTS_TITLE"),
        *("parse_password_and_prompt_args", "sort_action_groups", "title_case_action_groups"),
    ],
    "in_toto.formats": ["_check_hash_dict"],
    "in_toto.models._signer": ["GPGKey", "GPGSignature", "GPGSigner"],
    "in_toto.resolver._resolver": ["_hash_file"],
    "in_toto.runlib": ["_subprocess_run_duplicate_streams"],
    "in_toto.verifylib": ["_raise_on_bad_retval"],
}
"""Private names that the suite's modules import: without them none of the tests in those modules could run."""

REASONS: dict[str, tuple[str, ...]] = {
    "private: names of modules that are not documented, for building command lines": (
        "test_common_args.TestArgparseActionGroupHelpers.test_sort_action_groups",
        "test_common_args.TestArgparseActionGroupHelpers.test_title_case_action_groups",
        "test_common_args.TestCommonArgs.test_parse_password_and_prompt_args",
    ),
    "private: FileResolver._exclude": (
        "test_runlib.TestApplyExcludePatterns.test_apply_exclude_all",
        "test_runlib.TestApplyExcludePatterns.test_apply_exclude_explict",
        "test_runlib.TestApplyExcludePatterns.test_apply_exclude_multiple_star",
        "test_runlib.TestApplyExcludePatterns.test_apply_exclude_neg_seq",
        "test_runlib.TestApplyExcludePatterns.test_apply_exclude_question_mark",
        "test_runlib.TestApplyExcludePatterns.test_apply_exclude_seq",
    ),
    "private: GPGKey, _hash_file, _check_hash_dict, _subprocess_run_duplicate_streams": (
        "models.test_signer.TestLegacyGPGKeyAndSigner.test_gpg_key_equality",
        "models.test_signer.TestLegacyGPGKeyAndSigner.test_gpg_key_serialization",
        "models.test_signer.TestLegacyGPGKeyAndSigner.test_gpg_sign_and_verify_object",
        "models.test_signer.TestLegacyGPGKeyAndSigner.test_gpg_sign_and_verify_object_with_default_key",
        "models.test_signer.TestLegacyGPGKeyAndSigner.test_verify_using_expired_keyid",
        "test_resolver.TestResolverHelper.test_hash_file",
        "test_runlib.TestRecordArtifactsAsDict.test_record_dot_check_files_hash_dict_schema",
        "test_runlib.TestRecordArtifactsAsDict.test_record_files_and_subdirs",
        "test_runlib.TestSubprocess.test_run_duplicate_streams",
        "test_runlib.TestSubprocess.test_run_duplicate_streams_return_value",
        "test_runlib.TestSubprocess.test_run_duplicate_streams_timeout",
    ),
    "private: the logger of a module, replaced": (
        "test_verifylib.TestInTotoVerifyThresholdsGpgSubkeys.test_verify_thresholds_skip_expired_key",
        "test_verifylib.TestVerifyCommandAlignment.test_commands_do_not_align_at_all_log_warning",
        "test_verifylib.TestVerifyCommandAlignment.test_commands_do_not_fully_align_log_warning",
    ),
    "A1: an inspection of a sublayout does not run unless it is asked for": (
        "test_verifylib.TestSublayoutVerificationMatchRule.test_verify_sublayout_match_rule",
        "test_verifylib.TestVerifySublayouts.test_verify_demo_as_sublayout",
    ),
    "A2: a layout without steps proves nothing": (
        "test_verifylib.TestInTotoVerify.test_verify_passing_empty_layout",
        "test_verifylib.TestInTotoVerifyMultiLevelSublayouts.test_verify_multi_level_sublayout",
    ),
    "D1: a layout in a DSSE envelope without an expiry": (
        "test_in_toto_sign.TestInTotoSignToolWithDSSE.test_sign_and_verify",
        "test_in_toto_verify.TestInTotoVerifySubjectPublicKeyInfoKeysAndUseDSSE.test_main_multiple_keys",
    ),
    "D13: a malformed link does not count, and is no error": (
        "models.test_layout.TestLayoutValidator.test_import_step_metadata_wrong_type",
    ),
    "D20: without a value for it, a parameter in a command stays as it is": (
        "test_param_substitution.TestSubstituteExpectedCommand.test_substitute_no_var",
        "test_param_substitution.TestSubstituteRunField.test_inspection_fail_with_non_zero_retval",
    ),
    "D26: a preliminary file is no link": (
        "test_runlib.TestInTotoRecordStart.test_create_unfinished_metadata_using_dsse",
        "test_runlib.TestInTotoRecordStart.test_create_unfinished_metadata_verify_signature",
        "test_runlib.TestInTotoRecordStart.test_create_unfinished_metadata_with_expected_material",
    ),
    "X20: a layout lists GPG keys without their creation time": (
        "test_in_toto_verify.TestInTotoVerifyToolGPG.test_gpg_signed_layout_with_gpg_functionary_keys",
    ),
}
"""Tests of the suite that fail on our package, by reason: a private name, or a row of the compatibility page."""

FAILING = {f"tests.{test}": reason for reason, tests in REASONS.items() for test in tests}


def outcomes(python: str, place: Path, *folders: str) -> dict[str, str]:
    """Return how every test of the suite ends with this Python and these packages."""
    shutil.copytree(SUITE, place / "tests")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(folders),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    written = place / "outcomes.json"
    ran = subprocess.run(
        [python, RUNNER, written, json.dumps(PLACEHOLDERS)],
        cwd=place,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert written.exists(), ran.stderr
    found: dict[str, str] = json.loads(written.read_text())
    return found


def test_suite_of_the_reference_fails_on_our_package_where_the_table_says_so_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").mkdir()
    folders = [str(Path(module.__file__).parents[1]) for module in (custody, in_toto) if module.__file__]

    theirs = outcomes(str(REFERENCE), tmp_path / "theirs")
    ours = outcomes(sys.executable, tmp_path / "ours", *folders)

    failing = {test for test, outcome in ours.items() if outcome == "failed" and theirs.get(test) != "failed"}
    assert set(ours) == set(theirs)
    assert sorted(failing - set(FAILING)) == [], "these have begun to fail"
    assert sorted(set(FAILING) - failing) == [], "these no longer fail: take them out of the table"
    assert [test for test in ours if ours[test] == "skipped" and theirs[test] == "passed"] == []
