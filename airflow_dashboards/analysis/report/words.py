"""Numbers, instants, names and addresses as a reader of a report wants them; safe for every medium that comes after."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis.model import Figure

#: What stands where there is no number.
NOTHING = "\u2013"
_TIMES = "\u00d7"
#: Longest text that is cleaned at all; nobody reads further, and a megabyte of name must cost nothing.
_LONGEST = 20_000
#: What colours a terminal: the escape character alone would leave its tail as text.
_TERMINAL_COMMAND = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
#: Joiners that emoji and several scripts need; every other invisible character goes.
_KEPT_INVISIBLE = frozenset("\u200c\u200d")
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def clean(text: str) -> str:
    r"""Return `text` on one line, without control, invisible and text-direction characters.

    Example:
        >>> clean("Sign-ups\u202e\n per day")
        'Sign-ups per day'
    """
    text = _TERMINAL_COMMAND.sub("", text[:_LONGEST])
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_visible, text))
    return " ".join(text.split())


def _visible(char: str) -> str:
    if char in _KEPT_INVISIBLE:
        return char
    if char.isspace():
        return " "
    return "" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else char


def cut(text: str, limit: int) -> str:
    """Return the cleaned `text`, at most `limit` characters long; an ellipsis stands for the rest.

    Example:
        >>> cut("Purchases per day", 10)
        'Purchases…'
    """
    text = clean(text)
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def isolate(text: str) -> str:
    """Wrap right-to-left text so that it doesn't reorder what stands beside it; others are left alone."""
    if any(unicodedata.bidirectional(char) in {"R", "AL", "AN"} for char in text):
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}"
    return text


def number(value: float | None) -> str:
    """Return a number as read aloud: thousands grouped, four significant digits behind the point at most.

    Example:
        >>> number(12345.0), number(0.123456)
        ('12,345', '0.1235')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if abs(value) >= 1e15:
        return f"{value:.3e}"
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.1f}"
    if abs(value) < 1e-4:
        return f"{value:.2e}"
    return f"{value:.4g}"


def about(value: float | None) -> str:
    """Return an estimate: no digits behind the point where there are three before it.

    Example:
        >>> about(1133.61), about(0.2512)
        ('1,134', '0.2512')
    """
    return number(float(round(value)) if value is not None and 100 <= abs(value) < 1e15 else value)


def short_number(value: float) -> str:
    """Return a number for an axis: `1.2k`, `3M`; powers of ten beyond trillions."""
    if value == 0:
        return "0"
    for limit, unit in ((1e15, None), (1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value:.2g}" if unit is None else f"{value / (1e3 if unit == 'k' else limit):.4g}{unit}"
    return number(value)


def relative(change: float | None) -> str:
    """Return a relative change: `+3.4%`, `-25%`, a multiple from ten times on; a dash where it has no meaning.

    Example:
        >>> relative(0.99), relative(-0.034)
        ('+99%', '-3.4%')
    """
    if change is None or not math.isfinite(change):
        return NOTHING
    percent = change * 100
    if percent == 0:
        return "0%"
    if abs(percent) < 0.05:
        return "+<0.1%" if percent > 0 else "-<0.1%"
    if abs(percent) < 9.95:
        return f"{percent:+.1f}%"
    if percent >= 900:
        return f"{_TIMES}{number(float(f'{change + 1:.3g}'))}"
    return f"{percent:+,.0f}%"


def sides(figure: Figure | None) -> tuple[str, str]:
    """Return a figure's number before and after, a ratio as a percentage; what was expected where there is none before.

    Example:
        >>> sides(Figure(label="conversion", before=0.62, after=0.081, unit="ratio"))
        ('62%', '8.1%')
    """
    if figure is None:
        return NOTHING, NOTHING
    written = _percentage if figure.unit == "ratio" else number
    if figure.before is None and figure.expected_low is not None and figure.expected_high is not None:
        low, high = (
            written(bound) if figure.unit == "ratio" else about(bound)
            for bound in (figure.expected_low, figure.expected_high)
        )
        return (f"{low} expected" if low == high else f"{low} to {high} expected"), written(figure.after)
    return written(figure.before), written(figure.after)


def _percentage(share: float | None) -> str:
    if share is None or not math.isfinite(share):
        return NOTHING
    return f"{100 * share:.3g}%" if abs(share) < 1 else f"{100 * share:,.0f}%"


def moved(figure: Figure | None) -> str:
    """Return a figure's change in one word: a percentage, `new`, `gone`, `too low`, `too high`, or a dash."""
    if figure is None:
        return NOTHING
    if figure.before is None and figure.after is not None:
        if figure.expected_low is not None and figure.after < figure.expected_low:
            return "too low"
        if figure.expected_high is not None and figure.after > figure.expected_high:
            return "too high"
    if figure.before is None and figure.after is not None:
        return "new"
    if figure.before is not None and figure.after is None:
        return "gone"
    if figure.before == 0 and figure.after:
        return "from 0"
    return "0%" if figure.before == figure.after and figure.before is not None else relative(figure.change)


def instant(when: datetime | None) -> str:
    """Return an instant in UTC: `1 Jun 2026, 02:15 UTC`; an aware datetime is expected, a naive one is taken as UTC."""
    if when is None:
        return NOTHING
    when = (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def period(label: str) -> str:
    """Return a period as PostHog labels it, shortened: `2026-06-01` is `1 Jun`, with an hour where it has one.

    Example:
        >>> period("2026-06-01"), period("2026-06-01 13:00:00"), period("Step 1")
        ('1 Jun', '1 Jun 13:00', 'Step 1')
    """
    label = clean(label)
    if not re.match(r"\d{4}-\d\d-\d\d", label):
        return label
    try:
        when = datetime.fromisoformat(label.removesuffix("Z"))
    except ValueError:
        return label
    day = f"{when.day} {when:%b}"
    return day if (when.hour, when.minute) == (0, 0) and len(label) <= 10 else f"{day} {when:%H:%M}"


def periods(labels: Sequence[str]) -> list[str]:
    """Return periods shortened together: with the year where they are not all of one year.

    Example:
        >>> periods(["2025-12-31", "2026-01-01"])
        ['31 Dec 2025', '1 Jan 2026']
    """
    years = [match[1] if (match := re.match(r"(\d{4})-\d\d-\d\d", label)) else "" for label in labels]
    shown = [period(label) for label in labels]
    if len(set(years)) < 2:
        return shown
    return [
        label if label == clean(given) else re.sub(r"^(\d+ \w+)", rf"\1 {year}", label)
        for label, given, year in zip(shown, labels, years, strict=True)
    ]


def count(amount: int, noun: str) -> str:
    """Return `1 tile`, `3 tiles`."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def listed(words: Sequence[str], more: int = 0) -> str:
    """Return `a, b and c`, or `a, b and 4 more`."""
    parts = [*words, f"{more} more"] if more else list(words)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def ordinal(position: int) -> str:
    """Return `third`; digits from eleven on: `12th`, `21st`."""
    if position < len(_ORDINALS):
        return _ORDINALS[position]
    ending = "th" if 10 < position % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position}{ending}"


def safe_url(url: str | None) -> str | None:
    """Return `url` if a report may link to it: http or https, a host, no credentials, nothing invisible; else None.

    Example:
        >>> safe_url("javascript:alert(1)") is None
        True
    """
    if not url or len(url) > 2000 or clean(url) != url or " " in url:
        return None
    try:
        parts = urlsplit(url)
        plain = (
            parts.scheme in {"http", "https"} and parts.hostname and parts.username is None and parts.password is None
        )
    except ValueError:
        return None
    return quote(url, safe="/:?#[]@!$&'()*+,;=%~-._") if plain else None


def insight_url(host: str, project_id: int, short_id: str | None) -> str | None:
    """Return the address of an insight in PostHog's own pages, or None where the host or the short id isn't one."""
    if short_id is None or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", short_id):
        return None
    return safe_url(f"{host.rstrip('/')}/project/{project_id}/insights/{short_id}")
