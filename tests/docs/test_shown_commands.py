"""What the documentation shows is so: its commands exist, print what it says they print, and its options are ours."""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.version import Version

from airflow_dashboards.cli import main as cli
from airflow_dashboards.provider_info import get_provider_info
from airflow_dashboards.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TUTORIAL = "docs/tutorial.md"


class Shown(NamedTuple):
    """A command of a page, and what the page shows of its output."""

    page: str
    words: list[str]
    output: str


def shown(page: Path) -> Iterator[Shown]:
    name = str(page.relative_to(ROOT))
    for kind, text in BLOCK.findall(page.read_text()):
        if kind == "console":
            for each in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, output = _split(each)
                yield from (Shown(name, words, output) for words in _commands(command))
        elif kind == "sh":
            yield from (Shown(name, words, "") for line in text.splitlines() for words in _commands(line))


def _split(text: str) -> tuple[str, str]:
    """Part a command from its output: it ends where its quotes are closed."""
    lines = text.splitlines(keepends=True)
    for number in range(1, len(lines) + 1):
        try:
            shlex.split("".join(lines[:number]))
        except ValueError:
            continue
        return "".join(lines[:number]), "".join(lines[number:])
    raise AssertionError(f"no end to {text!r}")


def _commands(line: str) -> Iterator[list[str]]:
    words: list[str] = []
    for word in [*shlex.split(line, comments=True), "&&"]:
        if word == "&&":
            if words:
                yield words
            words = []
        else:
            words.append(word)


ALL = [each for page in PAGES for each in shown(page)]
#: What is neither ours nor Airflow's, and is only looked at by its name.
OTHERS = {"pip", "python3", ".", "export", "read", "cd"}


def chosen(*beginning: str) -> list[object]:
    found = [each for each in ALL if tuple(each.words[: len(beginning)]) == beginning]
    assert found, f"the documentation shows no {' '.join(beginning)} any more"
    return [pytest.param(each, id=f"{each.page}: {' '.join(each.words)[:60]}") for each in found]


def test_every_command_is_of_a_kind_that_is_checked() -> None:
    kinds = {"make", "airflow", "python", *OTHERS}
    assert [each for each in ALL if each.words[0] not in kinds] == []


@pytest.mark.parametrize("command", chosen("make"))
def test_make_targets_exist(command: Shown) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {word for word in command.words[1:] if "=" not in word} <= targets


@pytest.mark.skipif(Version(version("apache-airflow-core")) < Version("3.2"), reason="Airflow 3.1 has no such commands")
@pytest.mark.parametrize("command", chosen("airflow"))
def test_airflow_takes_its_commands(command: Shown) -> None:
    from airflow.cli.cli_parser import get_parser

    get_parser.cache_clear()
    assert callable(get_parser().parse_args(command.words[1:]).func)


@pytest.mark.parametrize("command", chosen("python", "-m"))
def test_modules_take_their_commands(command: Shown) -> None:
    module, *arguments = command.words[2:]
    if module == "airflow_dashboards":
        assert cli.parser().parse_args(arguments).command
    else:
        assert module == "airflow_dashboards.sandbox"
        from airflow_dashboards.sandbox import __main__ as sandbox

        with pytest.raises(SystemExit) as ended:
            sandbox.main([*arguments, "--help"])
        assert ended.value.code == 0
        known = set(re.findall(r'"(--[a-z]+)"', Path(sandbox.__file__).read_text()))
        assert {word for word in arguments if word.startswith("--")} <= known


@pytest.mark.parametrize("page", [each for each in PAGES if "```ini" in each.read_text()], ids=lambda page: page.name)
def test_options_of_airflow_cfg_are_ours(page: Path) -> None:
    config = get_provider_info()["config"]
    for kind, text in BLOCK.findall(page.read_text()):
        if kind == "ini":
            parser = configparser.ConfigParser()
            parser.read_string(text)
            for section in parser.sections():
                assert set(parser[section]) <= set(config[section]["options"]), text


def masked(text: str) -> list[str]:
    """Return the lines with what differs from walk to walk taken out: addresses, keys, numbers, widths of columns."""
    text = re.sub(r"(https?|posthog)(://|%3A%2F%2F)[^\s,]+|phx_\S+", "<address>", text)
    text = re.sub(r"\b\d[\d.,]*\b", "<number>", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@pytest.fixture
def shop(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    posthog_sandbox.reset(demo=True)
    monkeypatch.setenv("POSTHOG_HOST", posthog_sandbox.url)
    monkeypatch.setenv("POSTHOG_PROJECT_ID", "1")
    monkeypatch.setenv("POSTHOG_API_KEY", posthog_sandbox.personal_api_key)
    monkeypatch.setenv("POSTHOG_STORAGE_PATH", str(tmp_path / "posthog"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boards").mkdir()
    return posthog_sandbox


#: Commands of ours that may be carried out here: they change nothing but the sandbox and a folder of the test.
HARMLESS = {"check", "list", "export", "prune"}


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(each, id=f"{each.page}: {' '.join(each.words)[:60]}")
        for each in ALL
        if each.words[:2] == ["airflow", "posthog"] or each.words[:3] == ["python", "-m", "airflow_dashboards"]
    ],
)
def test_our_commands_print_what_is_shown(command: Shown, shop: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    name, *arguments = command.words[2:] if command.words[0] == "airflow" else command.words[3:]
    if name == "export":
        arguments = ["1" if word.isdigit() else word for word in arguments]
    assert name in HARMLESS, "run it here too, if it is harmless; else say so"
    code = cli.main([name, *arguments])
    printed = capsys.readouterr().out
    assert code == 0
    if command.output and name != "prune":  # here there is nothing to prune
        assert masked(command.output) == masked(printed)


def test_the_tutorials_sandbox_says_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = [each for each in ALL if each.page == TUTORIAL and "airflow_dashboards.sandbox" in each.words]
    from airflow_dashboards.sandbox import __main__ as sandbox

    source = Path(sandbox.__file__).read_text()
    for line in command.output.splitlines():
        beginning = line.partition(":")[0].split(",")[0]
        assert beginning in source, line
