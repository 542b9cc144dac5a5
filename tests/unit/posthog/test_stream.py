"""Tile streams: bytes split anywhere give the same events."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.posthog import PostHogProtocolError, Request, StreamError, StreamMetadata, StreamTile
from airflow_dashboards.posthog.sse import EventDecoder
from airflow_dashboards.posthog.stream import TileReader

REQUEST = Request("GET", "/stream/", intent="stream the tiles of dashboard 42")

# What may stand in a data line; JSON never has raw line ends.
LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)


@st.composite
def streams(draw):
    """A stream as a server may write it, and the data of its events."""
    written, expected = [], []
    for _ in range(draw(st.integers(0, 5))):
        lines = draw(st.lists(LINE, max_size=3))
        noise = st.sampled_from([": keep-alive", "event: x", "id: 7", "retry: 10", "whatever"])
        end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
        for line in lines:
            if draw(st.booleans()):
                written.append(draw(noise) + end)
            written.append(f"data: {line}{end}")
        written.append(end)
        if lines:
            expected.append("\n".join(lines))
    return "".join(written).encode(), expected


@st.composite
def chopped(draw):
    content, expected = draw(streams())
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=8)))
    edges = [0, *cuts, len(content)]
    return [content[start:end] for start, end in itertools.pairwise(edges)], expected


@given(chopped())
def test_events_do_not_depend_on_how_bytes_arrive(case):
    chunks, expected = case
    decoder = EventDecoder()
    assert [event for chunk in chunks for event in decoder.feed(chunk)] == expected


def test_byte_by_byte():
    content = '\ufeffdata: {"name": "Größe"}\r\n\r\ndata:x\r\rdata:  two\n\n'.encode()
    decoder = EventDecoder()
    events = [event for index in range(len(content)) for event in decoder.feed(content[index : index + 1])]
    assert events == ['{"name": "Größe"}', "x", " two"]


def feed_all(decoder, chunks):
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def test_an_event_that_is_cut_off_is_none():
    assert EventDecoder().feed(b"data: half\n") == []


@pytest.mark.parametrize(
    "chunk", [b"x" * 40, b"data: 0123456789\n", b"data:\n", b'data: {"a":'], ids=["line", "lines", "empty", "json"]
)
def test_memory_is_bounded(chunk):
    with pytest.raises(PostHogProtocolError, match="larger than 1000"):
        feed_all(EventDecoder(max_event=1000), [chunk] * 1000)


def test_comments_for_ever_cost_no_memory():
    decoder = EventDecoder(max_event=1000)
    for _ in range(1000):
        assert decoder.feed(b": still here\n") == []


def wire(*events):
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()


METADATA = {"type": "metadata", "dashboard": {"id": 42, "tiles": [{"id": 1}, {"id": 2, "error": {"type": "t"}}]}}
TILE = {"type": "tile", "order": 2, "tile": {"id": 3, "insight": {"id": 9, "result": []}}}


def test_a_whole_stream():
    reader = TileReader(REQUEST)
    failed = {"type": "error", "tile_id": 7, "error": "boom"}
    newest = {"type": "tile", "order": 4, "tile": {"id": 8, "error": "boom"}}
    events = reader.feed(wire(METADATA, TILE, failed, {"type": "news"}, newest, {"type": "complete"}, TILE))
    reader.end()
    assert [type(event) for event in events] == [StreamMetadata, StreamTile, StreamError, StreamTile]
    assert events[0].dashboard.tiles[1].error.type == "t"
    assert (events[1].order, events[1].tile.insight.result) == (2, [])
    assert (events[2].tile_id, events[2].error) == (7, "boom")
    assert events[3].tile.error.message == "boom"


def test_a_stream_without_its_end_has_failed():
    reader = TileReader(REQUEST)
    reader.feed(wire(METADATA, {"type": "error", "error": "database went away"}))
    with pytest.raises(PostHogProtocolError, match=r"before it was complete.*database went away") as caught:
        reader.end()
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"data: {oops\n\n", "not JSON"),
        (b"data: [1]\n\n", "not an object"),
        (wire({"type": "tile", "tile": {"id": "x"}}), r"tile event of another shape .* at tile\.id"),
        (wire({"type": "metadata"}), "at dashboard"),
    ],
)
def test_garbled_streams(content, said):
    with pytest.raises(PostHogProtocolError, match=said):
        TileReader(REQUEST).feed(content)


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes_are_events_or_an_error_of_ours(chunks):
    reader = TileReader(REQUEST)
    try:
        for chunk in chunks:
            reader.feed(chunk)
        reader.end()
    except PostHogProtocolError:
        pass


def test_opening_is_repeated_like_any_read(world):
    script = world.Script(world.reply(429, b"", {"retry-after": "3"}), world.reply(200, wire(METADATA)))
    stream = world.flows(jitter=0).dashboards.stream_tiles(42)
    opened = script.run(stream.opening)
    assert script.slept == [3.0]
    assert [type(event) for chunk in opened.chunks for event in stream.reader.feed(chunk)] == [StreamMetadata]
