"""Whether the figures in a text are figures of the analyses. Pure.

A figure is borne out if the analyses have it at the precision in which it is written: 12.3k stands for 12,345, and 40 %
for a change from 100 to 60. Dates and times are held against the periods and instants of the analyses; percentages and
fractions against changes and shares; multiples (doubled, 3x) against ratios; everything else against the numbers, their
differences and ratios. How sure a finding is licenses no percentage. Names of tiles may hold digits of their own.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from airflow_dashboards.analysis import Analysis, Verdict
from airflow_dashboards.analysis.report.words import clean, instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from airflow_dashboards.analysis.model import Figure, Finding

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<{name}>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    r"(?P<iso>\d{4}-(?P<im>\d\d)-(?P<id>\d\d))(?:[T ](?P<it>\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    rf"|\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH.format(name='m1')}(?:,? (?P<y1>\d{{4}})\b)?"
    rf"|\b{_MONTH.format(name='m2')} (?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,? (?P<y2>\d{{4}})\b)?"
    r"|\b(?P<time>\d{1,2}:\d\d)(?::\d\d)?\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<![\w.,])(?P<number>[+\-\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d{1,3})?)"
    r"(?:\s?(?P<percent>%|percent\b|per cent\b)|\s?(?P<scale>k|m|bn|thousand|million|billion)\b)?(?!\w*\d)",
    re.IGNORECASE,
)
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORD_VALUES = {
    **{word: index for index, word in enumerate(_ONES)},
    **{word: 10 * index for index, word in enumerate(_TENS, start=2)},
    "dozen": 12,
}
_BIG = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_NUMBER_WORD = "|".join([*_WORD_VALUES, *_BIG])
_WORD = re.compile(
    rf"\b(?P<words>(?:{_NUMBER_WORD})(?:(?:[\s-]+|\s+and\s+)(?:{_NUMBER_WORD}))*)\b"
    r"(?P<percent>\s?%|\s(?:percent|per cent)\b)?",
    re.IGNORECASE,
)
#: Multiples in words, with the lowest and highest ratio they stand for.
_MULTIPLES = {
    "doubl": (1.85, 2.15), "twice": (1.85, 2.15), "twofold": (1.85, 2.15), "halv": (0.45, 0.55),
    "tripl": (2.7, 3.3), "trebl": (2.7, 3.3), "thrice": (2.7, 3.3), "threefold": (2.7, 3.3),
    "quadrupl": (3.6, 4.4), "fourfold": (3.6, 4.4), "fivefold": (4.5, 5.5), "tenfold": (9.0, 11.0),
}  # fmt: skip
_MULTIPLE = re.compile(
    rf"\b(?P<word>{'|'.join(_MULTIPLES)})(?:e|ed|es|ing|e?s)?\b"
    r"|(?<![\w.,])(?P<times>\d+(?:\.\d+)?)(?:\s?[x\u00d7](?!\w)|[\s-]?fold\b|[\s-]times\b)",
    re.IGNORECASE,
)
#: Fractions, as percentages of the whole.
_SIGNS = {"\u00bd": 50.0, "\u00bc": 25.0, "\u00be": 75.0, "\u2153": 100 / 3, "\u2154": 200 / 3}
_PARTS = {"half": 50.0, "third": 100 / 3, "thirds": 100 / 3, "quarter": 25.0, "quarters": 25.0}
_FRACTION = re.compile(
    rf"(?P<sign>[{''.join(_SIGNS)}])|(?<![\w.,/])(?P<over>\d{{1,6}})/(?P<under>\d{{1,6}})(?![\w/])"
    r"|\b(?:(?P<count>one|two|three)[\s-])(?P<parts>thirds?|quarters?)\b"
    r"|\b(?:a\s(?P<part>third|quarter)\b(?=\s(?:of|less|more|fewer|lower|higher))|(?P<half>half)\b)",
    re.IGNORECASE,
)
_SCALE = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}


class _Seen(NamedTuple):
    """A figure in a text: where it stands, and whether it is borne out."""

    start: int
    end: int
    known: bool


@dataclass
class Facts:
    """What the analyses say in figures."""

    numbers: list[float] = field(default_factory=list)
    percents: list[float] = field(default_factory=list)
    #: After over before, or over what was expected.
    ratios: list[float] = field(default_factory=list)
    #: (month, day); years and times of day.
    days: set[tuple[int, int]] = field(default_factory=set)
    years: set[int] = field(default_factory=set)
    times: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, analyses: Sequence[Analysis]) -> Facts:
        """Collect the figures of all analyses."""
        facts = cls()
        facts.numbers += [len(analyses), sum(len(each.tiles) for each in analyses)]
        for verdict in Verdict:
            facts.numbers.append(sum(len(each.tiles_with(verdict)) for each in analyses))
            facts.numbers.append(sum(each.status is verdict for each in analyses))
        for analysis in analyses:
            facts._dashboard(analysis)
        return facts

    def _dashboard(self, analysis: Analysis) -> None:
        self.numbers.append(len(analysis.tiles))
        self.numbers += [len(analysis.tiles_with(verdict)) for verdict in Verdict]
        self.names.add(clean(analysis.dashboard_name))
        self._instant(analysis.before_at)
        self._instant(analysis.after_at)
        self._words(analysis.summary)
        for finding in analysis.findings:
            self._finding(finding)
        for tile in analysis.tiles:
            self.names.add(clean(tile.name))
            self._instant(tile.last_refresh_after)
            self._words(tile.summary)
            self.numbers.append(len(tile.findings))
            if tile.figure is not None:
                self._words(tile.figure.label)
                self._pair(tile.figure)
            for finding in tile.findings:
                self._finding(finding)

    def _finding(self, finding: Finding) -> None:
        self._pair(finding)
        low, high = finding.expected_low, finding.expected_high
        self._value(low)
        self._value(high)
        if low is not None and high is not None and low + high and finding.after is not None:
            self._ratio(finding.after / ((low + high) / 2))
        for text in (finding.message, finding.period):
            self._words(text or "")
        self.names.add(clean(finding.subject or ""))

    def _pair(self, pair: Figure | Finding) -> None:
        before, after = pair.before, pair.after
        self._value(before)
        self._value(after)
        if before is None or after is None:
            return
        self.numbers.append(after - before)
        if before:
            self.percents += [100 * (after - before) / abs(before), 100 * after / before]
            self._ratio(after / before)

    def _ratio(self, ratio: float) -> None:
        if not math.isfinite(ratio):
            return
        self.ratios.append(ratio)
        self.numbers += [ratio, 1 / ratio] if ratio else [ratio]

    def _value(self, value: float | None) -> None:
        if value is not None and math.isfinite(value):
            self.numbers.append(value)
            if 0 < abs(value) < 1:  # a share; a count of 1 is no 100 %
                self.percents.append(100 * value)

    def _instant(self, when: datetime | None) -> None:
        if when is not None:
            self._words(instant(when))

    def _words(self, text: str) -> None:
        """Take the figures of our own sentences: they come from the analysis, too."""
        text = clean(text)
        for match in _DATE.finditer(text):
            month, day, year, time = _calendar(match)
            if month:
                self.days.add((month, day))
            self.years |= {year} if year else set()
            self.times |= {time} if time else set()
        rest = _DATE.sub(_blank, text)
        self.ratios += [sum(_multiple(match)) / 2 for match in _MULTIPLE.finditer(rest)]
        for value, _, percent, _, _ in _numbers(rest):
            (self.percents if percent else self.numbers).append(value)

    def has_date(self, match: re.Match[str]) -> bool:
        """Whether a date or time is one of the analyses'."""
        month, day, year, time = _calendar(match)
        known_day = not month or (month, day) in self.days
        return known_day and (not year or year in self.years) and (not time or time in self.times)

    def has_number(self, value: float, precision: float, *, percent: bool) -> bool:
        """Whether a number, give or take half its last digit, is one of the analyses'; falls may be told unsigned."""
        known = self.percents if percent else self.numbers
        slack = precision / 2 + 1e-9 * max(1.0, abs(value))
        return math.isfinite(value) and any(abs(abs(each) - abs(value)) <= slack for each in known)

    def has_ratio(self, low: float, high: float, *, either_way: bool) -> bool:
        """Whether something stands to what it was, or was expected, in a ratio of that range; or that to it."""
        return any(low <= each <= high or (either_way and low * each <= 1 <= high * each) for each in self.ratios)


def unverified(text: str, analyses: Sequence[Analysis]) -> list[str]:
    """Return the passages of a text whose figures the analyses do not have, in order; each occurs once in the text.

    Example:
        >>> unverified("Purchases fell by 40%, or 1,234 orders.", analyses)
        ['1,234']
    """
    facts = Facts.of(analyses)
    spans = [(seen.start, seen.end) for seen in _figures(text, facts) if not seen.known]
    return list(dict.fromkeys(text[start:end] for start, end in _told_apart(text, spans)))


def _figures(text: str, facts: Facts) -> Iterator[_Seen]:
    """Yield the figures of a text in order, names that hold digits left out."""
    for name in sorted(facts.names, key=len, reverse=True):
        if any(char.isdigit() for char in name):
            text = text.replace(name, " " * len(name))
    seen = [_Seen(*match.span(), facts.has_date(match)) for match in _DATE.finditer(text)]
    rest = _DATE.sub(_blank, text)
    seen += [_Seen(*match.span(), _bears_out(facts, match)) for match in _MULTIPLE.finditer(rest)]
    rest = _MULTIPLE.sub(_blank, rest)
    # Nobody means a third to the percent.
    seen += [
        _Seen(*match.span(), facts.has_number(_fraction(match), 6.0, percent=True))
        for match in _FRACTION.finditer(rest)
    ]
    rest = _FRACTION.sub(_blank, rest)
    seen += [
        _Seen(start, end, facts.has_number(value, precision, percent=percent))
        for value, precision, percent, start, end in _numbers(rest)
    ]
    rest = _NUMBER.sub(_blank, rest)
    seen += [
        _Seen(*match.span(), facts.has_number(_spoken(match["words"]), 0, percent=bool(match["percent"])))
        for match in _WORD.finditer(rest)
        if match[0].lower() != "one"  # mostly a pronoun
    ]
    return iter(sorted(seen))


def _bears_out(facts: Facts, match: re.Match[str]) -> bool:
    """Whether a multiple is one of the analyses'. What doubled has risen; three times may be more or less."""
    either_way = (match["word"] or "").lower() not in ("doubl", "halv", "tripl", "trebl", "quadrupl")
    return facts.has_ratio(*_multiple(match), either_way=either_way)


def _multiple(match: re.Match[str]) -> tuple[float, float]:
    """Return the lowest and highest ratio a multiple stands for."""
    if match["word"]:
        return _MULTIPLES[match["word"].lower()]
    value, decimals = float(match["times"]), len(match["times"].partition(".")[2])
    return value - 0.5 * 10.0**-decimals, value + 0.5 * 10.0**-decimals


def _fraction(match: re.Match[str]) -> float:
    """Return a fraction as a percentage."""
    if match["sign"]:
        return _SIGNS[match["sign"]]
    if match["under"]:
        return 100 * int(match["over"]) / int(match["under"]) if int(match["under"]) else math.nan
    if match["parts"]:
        return _WORD_VALUES[match["count"].lower()] * _PARTS[match["parts"].lower()]
    return _PARTS[(match["part"] or match["half"]).lower()]


def _spoken(words: str) -> float:
    """Return the value of a number in words: `one hundred and twenty-three thousand`."""
    whole = part = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word in _WORD_VALUES:
            part = part * 12 if word == "dozen" and part else part + _WORD_VALUES[word]
        elif word == "hundred":
            part = max(part, 1) * 100
        elif word in _BIG:
            whole, part = whole + max(part, 1) * _BIG[word], 0
    return float(whole + part)


def _numbers(text: str) -> Iterator[tuple[float, float, bool, int, int]]:
    """Yield value, precision, whether it is a percentage, and place of every number in digits."""
    for match in _NUMBER.finditer(text):
        digits = match["number"].replace(",", "").replace("\u2212", "-")
        scale = _SCALE.get((match["scale"] or "").lower(), 1.0)
        mantissa, _, exponent = digits.lower().partition("e")
        decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
        yield float(digits) * scale, scale * 10.0 ** min(-decimals, 300), bool(match["percent"]), *match.span()


def _calendar(match: re.Match[str]) -> tuple[int, int, int, str]:
    """Return month, day, year and time of a date; 0 or empty for what it doesn't say."""
    if match["iso"]:
        return int(match["im"]), int(match["id"]), int(match["iso"][:4]), match["it"] or ""
    if match["time"]:
        return 0, 0, 0, match["time"].zfill(5)
    which = "1" if match["d1"] else "2"
    year = match[f"y{which}"]
    return _MONTHS.index(match[f"m{which}"].lower()) + 1, int(match[f"d{which}"]), int(year or 0), ""


def _told_apart(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Widen each span word by word until its text occurs only there, and join those that meet."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        while text.count(text[start:end]) > 1:
            wider = _word_before(text, start), _word_after(text, end)
            if wider == (start, end):
                break
            start, end = wider
        if joined and start <= joined[-1][1]:
            start, end = joined.pop()[0], max(end, start)
        joined.append((start, end))
    return joined


def _word_before(text: str, start: int) -> int:
    found = re.search(r"[^\s]+[^\S\n]*$", text[:start])
    return found.start() if found else start


def _word_after(text: str, end: int) -> int:
    found = re.match(r"[^\S\n]*[^\s]+", text[end:])
    return end + found.end() if found else end


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
