"""Every command in the documentation does what the page says; and a page that says something else is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.console import PageError, read_page, run_page, update_page

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WITH_COMMANDS = [page for page in PAGES if "```console\n" in page.read_text(encoding="utf-8")]
ELSEWHERE = {"cloud-kms.md", "images.md", "image-supply-chain.md", "keyless.md", "timestamps.md"}
"""Pages that are performed by a test of their own, which starts what they need."""


def page_of(*lines: str) -> str:
    return "\n".join(["# Page", "", "```console", *lines, "```", ""])


NEEDS = {
    "attach-attestations.md": "umoci",
    "attest.md": "umoci",
    "gpg.md": "gpg",
    "hsm.md": "softhsm2",
    "key-files.md": "ssh-keygen",
    "offline-root.md": "softhsm2",
    "provenance.md": "git",
    "x509.md": "openssl",
}
"""Programs without which a page cannot be performed."""


def marked(page: Path) -> object:
    marks = [pytest.mark.component(NEEDS[page.name])] if page.name in NEEDS else []
    return pytest.param(page, marks=marks, id=str(page.relative_to(ROOT)))


@pytest.mark.parametrize("page", [marked(page) for page in WITH_COMMANDS if page.name not in ELSEWHERE])
def test_commands_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    assert run_page(page.read_text(encoding="utf-8"), tmp_path, page.parent) > 0


@pytest.mark.parametrize("folder", ["tutorial", "how-to"])
def test_pages_that_teach_have_commands(folder: str) -> None:
    pages = sorted((ROOT / "docs" / folder).glob("*.md"))

    assert pages
    assert [page.name for page in pages if page not in WITH_COMMANDS] == []


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["$ echo one", "one"], id="output"),
        pytest.param(["$ echo one two three", "one ... three"], id="dots-in-a-line"),
        pytest.param(["$ printf '1\\n2\\n3\\n4\\n'", "1", "...", "4"], id="dots-for-lines"),
        pytest.param(["$ false  # exits 1"], id="exit-code"),
        pytest.param(["$ echo one \\", "    two", "one two"], id="continued"),
        pytest.param(["$ for i in 1 2; do", ">   echo $i", "> done", "1", "2"], id="continued-by-prompt"),
        pytest.param(["$ NAME=value", "$ cd /; echo $NAME", "value"], id="one-shell"),
        pytest.param(["$ echo 0123abcd 0123abcd", "aaaaaaaa aaaaaaaa"], id="an-id-stands-for-another"),
        pytest.param(["$ echo 0123abcd", "aaaaaaaa", "$ test aaaaaaaa = 0123abcd"], id="an-id-in-a-command"),
        pytest.param([f"$ echo {'0' * 64} 00000000", f"{'a' * 64} aaaaaaaa"], id="the-beginning-of-an-id"),
        pytest.param(["$ date -u +%Y-%m-%dT%H:%M:%SZ", "2030-01-01T00:00:00Z"], id="an-instant"),
        pytest.param(["$ echo wrong >&2", "wrong"], id="stderr"),
        pytest.param(["$ cat"], id="nothing-to-read"),
        pytest.param(["$ custody --version", "custody ..."], id="custody"),
    ],
)
def test_true_page_passes(lines: list[str], tmp_path: Path) -> None:
    assert run_page(page_of(*lines), tmp_path) > 0


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["$ echo two", "one"], id="other-output"),
        pytest.param(["$ echo one"], id="more-output"),
        pytest.param(["$ true", "one"], id="less-output"),
        pytest.param(["$ echo one two", "one ... three"], id="dots-in-a-line"),
        pytest.param(["$ printf '1\\n2\\n'", "1", "...", "4"], id="dots-for-lines"),
        pytest.param(["$ false"], id="failure"),
        pytest.param(["$ true  # exits 1"], id="no-failure"),
        pytest.param(["$ false  # exits 2"], id="other-failure"),
        pytest.param(["$ echo 0123abcd 4567abcd", "aaaaaaaa aaaaaaaa"], id="two-ids-shown-as-one"),
        pytest.param(["$ echo 0123abcd 0123abcd", "aaaaaaaa bbbbbbbb"], id="one-id-shown-as-two"),
        pytest.param([f"$ echo {'0' * 64} 00000000", f"{'a' * 64} bbbbbbbb"], id="not-the-beginning-of-an-id"),
        pytest.param(["$ custody frobnicate", "..."], id="no-such-command"),
        pytest.param(["$ exit 0"], id="end-of-the-shell"),
        pytest.param(["custody --version"], id="no-command"),
        pytest.param([], id="empty-block"),
    ],
)
def test_page_that_is_not_true_fails(lines: list[str], tmp_path: Path) -> None:
    with pytest.raises(PageError):
        run_page(page_of(*lines), tmp_path)


def test_named_block_is_a_file(tmp_path: Path) -> None:
    page = "`a/b.txt`:\n\n```text\nhello\n```\n\n" + page_of("$ cat a/b.txt", "hello")

    assert run_page(page, tmp_path) == 1


def test_block_without_a_name_is_no_file() -> None:
    assert list(read_page("See `b.txt` here:\n\n```text\nhello\n```\n")) == []


def test_page_begins_where_another_ends(tmp_path: Path) -> None:
    (tmp_path / "first.md").write_text(page_of("$ echo 0123abcd > file", "$ cat file", "aaaaaaaa"))
    page = "<!-- after: first.md -->\n" + page_of("$ cat file", "aaaaaaaa")

    assert run_page(page, tmp_path, tmp_path) == 1


def test_page_after_one_that_is_not_true_fails(tmp_path: Path) -> None:
    (tmp_path / "first.md").write_text(page_of("$ echo one", "two"))

    with pytest.raises(PageError, match=r"first\.md: line 4"):
        run_page("<!-- after: first.md -->\n" + page_of("$ true"), tmp_path, tmp_path)


def test_update_writes_what_commands_print_and_keeps_what_is_true(tmp_path: Path) -> None:
    page = page_of("$ echo one two", "one ...", "$ echo three", "four", "five", "$ true")

    updated = update_page(page, tmp_path)

    assert updated == page_of("$ echo one two", "one ...", "$ echo three", "three", "$ true")
