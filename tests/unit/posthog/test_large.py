"""Large dashboards: read tile by tile, whatever the pieces the answer comes in."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_dashboards.packed import WORTH_PACKING, Packed, opened
from airflow_dashboards.posthog import AsyncClient, Client, PersonalAPIKey, PostHogProtocolError, RetryPolicy
from airflow_dashboards.posthog.large import LARGE, JSONSplitter

HOST = "https://posthog.example.com"
KEY = PersonalAPIKey("phx_test")
DATE = "Mon, 01 Jun 2026 08:00:00 GMT"


def large() -> dict[str, Any]:
    """A dashboard above the size from which it is read tile by tile: two large tiles, a small one, a text."""
    rows = [[number, 'Ünïcode \\ "quoted" }]{[', number / 7, None] for number in range(LARGE // 120)]
    tiles = [{"id": each, "insight": {"id": each, "name": f"T{each}", "result": rows}} for each in (1, 2)]
    small = {"id": 3, "insight": {"id": 3, "result": [1, 2]}}
    return {"id": 42, "tiles": [*tiles, small, {"id": 4, "text": {"body": "hello"}}], "name": "Board", "tags": ["etl"]}


CONTENT = json.dumps(large(), ensure_ascii=False).encode()


def client(content: bytes, **facts: Any) -> Client:
    def handle(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "application/json", "date": DATE}, content=content)

    return Client(HOST, 1, KEY, transport=httpx.MockTransport(handle), retry=RetryPolicy(attempts=1), **facts)


def test_a_large_dashboard_reads_the_same_packed_and_whole() -> None:
    assert len(CONTENT) > LARGE
    with client(CONTENT) as posthog:
        whole, packed = posthog.dashboards.get(42), posthog.dashboards.get(42, packed=True)
    results = [tile.insight.result if tile.insight else None for tile in packed.tiles]
    assert [type(result) for result in results] == [Packed, Packed, list, type(None)]
    assert [opened(result) for result in results] == [tile.insight and tile.insight.result for tile in whole.tiles]
    assert packed.server_time == whole.server_time
    for tile in packed.tiles:
        if tile.insight is not None:
            tile.insight.result = opened(tile.insight.result)
    assert packed == whole


def test_a_small_dashboard_is_not_packed() -> None:
    small = {"id": 42, "tiles": [{"id": 1, "insight": {"id": 1, "result": [0] * WORTH_PACKING}}]}
    with client(json.dumps(small).encode()) as posthog:
        assert posthog.dashboards.get(42, packed=True) == posthog.dashboards.get(42)


async def _read_asynchronously(content: bytes) -> Any:
    def handle(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "application/json", "date": DATE}, content=content)

    async with AsyncClient(HOST, 1, KEY, transport=httpx.MockTransport(handle)) as posthog:
        return await posthog.dashboards.get(42, packed=True)


def test_it_reads_the_same_asynchronously() -> None:
    with client(CONTENT) as posthog:
        assert asyncio.run(_read_asynchronously(CONTENT)) == posthog.dashboards.get(42, packed=True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (CONTENT[:-10], "not whole JSON"),
        (CONTENT + b"x", "not whole JSON"),
        (b'{"tiles": null' + b" " * LARGE, "not whole JSON"),
        (json.dumps({"tiles": [{"id": "none"}], "pad": "x" * LARGE}).encode(), "another shape"),
        (json.dumps({"tiles": [], "pad": "x" * LARGE}).encode(), "another shape"),
        (b"[" + b"1," * LARGE + b"1]", "not whole JSON"),
        (b"<html>" + b"x" * LARGE, "not whole JSON"),
        (b"<html><title>phx_test</title></html>", "web page"),
        (b"\xff" * (LARGE + 1), "not whole JSON"),
    ],
)
def test_what_is_wrong_with_a_large_answer_is_told(content: bytes, words: str) -> None:
    with client(content) as posthog, pytest.raises(PostHogProtocolError, match=words) as caught:
        posthog.dashboards.get(42, packed=True)
    assert "x" * 300 not in str(caught.value)
    assert "phx_test" not in str(caught.value)


def test_a_cut_answer_is_asked_for_again() -> None:
    answers = [CONTENT[: LARGE + 1], CONTENT]

    def handle(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "application/json"}, content=answers.pop(0))

    retry = RetryPolicy(attempts=2, first_delay=0.0)
    with Client(HOST, 1, KEY, transport=httpx.MockTransport(handle), retry=retry) as posthog:
        assert len(posthog.dashboards.get(42, packed=True).tiles) == 4


def test_an_error_answer_is_the_same_error() -> None:
    def handle(_request: httpx.Request) -> httpx.Response:
        body = {"type": "invalid_request", "code": "not_found", "detail": "Not found.", "attr": None}
        return httpx.Response(404, json=body)

    with Client(HOST, 1, KEY, transport=httpx.MockTransport(handle)) as posthog:
        with pytest.raises(Exception, match="Not found") as whole:
            posthog.dashboards.get(42)
        with pytest.raises(type(whole.value), match="Not found") as packed:
            posthog.dashboards.get(42, packed=True)
    assert str(whole.value) == str(packed.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(st.text(), values, max_size=4),
    st.lists(values, max_size=5),
    st.integers(0, 4),
    st.integers(1, 40),
    st.booleans(),
    st.sampled_from([None, 1]),
)
def test_the_splitter_agrees_with_json_however_the_text_is_cut(
    members: dict[str, Any], items: list[Any], place: int, size: int, ascii_only: bool, indent: int | None
) -> None:
    members.pop("tiles", None)
    pairs = [*members.items()]
    pairs.insert(place, ("tiles", items))
    content = json.dumps(dict(pairs), ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    splitter = JSONSplitter("tiles")
    try:
        found = [
            item for start in range(0, len(content), size) for item, _ in splitter.feed(content[start : start + size])
        ]
    except UnicodeDecodeError:  # text that no server can send
        return
    found += [item for item, _ in splitter.finish()]
    assert splitter.complete
    assert found == items
    assert splitter.members == members
