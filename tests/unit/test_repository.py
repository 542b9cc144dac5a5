"""What must not be in the repository: addresses of other people's machines, paths of ours, secrets."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

#: Hosts a file may name: PostHog's own, names reserved for examples and tests, this machine, what licence and formats
#: refer to, and what is no name at all (`https://a`, `https://..` in tests of arguments).
ALLOWED_HOSTS = re.compile(
    r"(?:[\w-]+\.)*(?:posthog\.com|example(?:\.(?:com|net|org))?|test|invalid|localhost|apache\.org|w3\.org)"
    r"|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1\]|keepachangelog\.com|semver\.org|json-schema\.org|[\w-]*"
)
URL_HOST = re.compile(r"https?://(?:[^\s/@'\"`<>{}]*@)?(\[[0-9a-f:]+\]|[\w.-]+)")
#: An address in a URL (`user@eu.posthog.com`) reads like one of mail.
ALLOWED_MAIL = re.compile(r"(?:[\w-]+\.)*(?:example(?:\.(?:com|net|org))?|test|invalid|posthog\.com)")
EMAIL = re.compile(r"\b[\w.+-]+@((?:[\w-]+\.)+[a-z]{2,})\b")
MACHINE_PATH = re.compile(r"(?<![\w.}*])/(?:work|root|home|Users|tmp)/\w{2,}")
#: Long enough to be real; the short ones in tests say what they are.
SECRET = re.compile(r"\bph[xasc]_(?=\w*\d)\w{32,}|-----BEGIN [A-Z ]*PRIVATE KEY")


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [REPOSITORY / name for name in listed.stdout.split("\0") if name and (REPOSITORY / name).is_file()]


def findings(pattern: re.Pattern[str], allowed: re.Pattern[str] | None = None) -> list[str]:
    """Return `file:line: match` for everything in a tracked text file that matches and is not allowed."""
    found = []
    for file in tracked_files():
        if file == Path(__file__):
            continue
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            for match in pattern.finditer(line):
                subject = match.group(match.lastindex or 0)
                if allowed is None or not allowed.fullmatch(subject.rstrip(".").lower()):
                    found.append(f"{file.relative_to(REPOSITORY)}:{number}: {match.group()}")
    return found


def test_no_file_names_a_strange_host() -> None:
    assert findings(URL_HOST, ALLOWED_HOSTS) == []


def test_no_file_names_a_person() -> None:
    assert findings(EMAIL, ALLOWED_MAIL) == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    assert findings(MACHINE_PATH) == []


def test_no_file_holds_a_secret() -> None:
    assert findings(SECRET) == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (URL_HOST, "index-url = https://packages.internal/simple"),
        (EMAIL, "someone@company.io"),
        (MACHINE_PATH, "open('/home/someone/x')"),
        (SECRET, "phx_" + "a1" * 20),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)
    if pattern is URL_HOST:
        assert not ALLOWED_HOSTS.fullmatch(pattern.findall(text)[0])
