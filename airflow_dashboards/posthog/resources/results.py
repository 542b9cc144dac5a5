"""What dashboards show, and what PostHog itself says about it (contract 3.6 to 3.9, 3.15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import arguments
from airflow_dashboards.posthog.call import answer, open_stream
from airflow_dashboards.posthog.endpoint import F, endpoint, streaming
from airflow_dashboards.posthog.errors import PostHogArgumentError
from airflow_dashboards.posthog.models import (
    GeneratedMetadata,
    InsightRun,
    Model,
    ServerAnalysis,
    ServerSnapshot,
    TileEvent,
)
from airflow_dashboards.posthog.resources.base import Endpoints, overrides
from airflow_dashboards.posthog.stream import Stream, TileReader
from airflow_dashboards.posthog.vocabulary import LayoutSize, OutputFormat, Refresh

if TYPE_CHECKING:
    from airflow_dashboards.posthog.flow import Flow


class _Runs(Model):
    results: list[InsightRun]


class Results(Endpoints[F]):
    """The part of `client.dashboards` that treats results."""

    @endpoint
    def snapshot(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        client_results: Mapping[int | str, Mapping[str, Any]] | None = None,
    ) -> Flow[ServerSnapshot]:
        """Let PostHog keep a picture of the cached results for 30 minutes (contract 3.6).

        Succeeds also when nothing was captured: PostHog looks past dashboard filters and SQL tiles unless the results
        are handed in.

        Scope: a session; every key is refused. Builds: 2026-04, 2026-05.

        Args:
            id: The dashboard.
            client_results: Results to keep instead, by tile id: `{45: {"insight_name": "Orders", "data": [...]}}`.

        Raises:
            KeyNotAccepted: The credential is a key or token.
            EndpointNotFoundError: Build cloud.
            ConsentRequiredError: 2026-05 without the organisation's consent to AI.

        Example:
            >>> client.dashboards.snapshot(42).cache_key
            'dashboard_refresh_before_42_7_1780300800.512345'
        """
        arguments.positive_id(id, "dashboard id")
        content = {} if client_results is None else {"client_results": _client_results(client_results)}
        return (
            yield from self._call(
                "POST",
                f"{id}/snapshot/",
                answer(ServerSnapshot),
                intent=f"snapshot dashboard {id}",
                action="snapshot",
                json=content,
                idempotent=False,
            )
        )

    @endpoint
    def analyze_refresh_result(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        cache_key: str,
    ) -> Flow[ServerAnalysis]:
        """Let PostHog's AI say in words what changed since a server snapshot (contract 3.7).

        "No significant changes" also stands for an empty snapshot, a filtered dashboard, or an AI that is down.

        Scope: a session; every key is refused. Builds: 2026-04, 2026-05. Takes up to tens of seconds.

        Args:
            id: The dashboard.
            cache_key: From `snapshot`, at most 30 minutes old.

        Raises:
            BadRequestError: The snapshot has expired.
            KeyNotAccepted: The credential is a key or token.
            EndpointNotFoundError: Build cloud.
            ConsentRequiredError: 2026-05 without the organisation's consent to AI.

        Example:
            >>> client.dashboards.analyze_refresh_result(42, cache_key=key).result
        """
        arguments.positive_id(id, "dashboard id")
        return (
            yield from self._call(
                "POST",
                f"{id}/analyze_refresh_result/",
                answer(ServerAnalysis),
                intent=f"analyze the refresh of dashboard {id}",
                action="analyze_refresh_result",
                json={"cache_key": arguments.text(cache_key, "cache_key", limit=1000)},
                idempotent=False,
                long_running=True,
            )
        )

    @endpoint
    def generate_metadata(self, id: int) -> Flow[GeneratedMetadata]:  # noqa: A002 - the API's word
        """Let PostHog's AI suggest a name and a description; saves nothing (contract 3.8).

        Scope: dashboard:write. Builds: 2026-04 only.

        Raises:
            EndpointNotFoundError: Later builds.
            ServerError: The AI failed.

        Example:
            >>> client.dashboards.generate_metadata(42).name
        """
        arguments.positive_id(id, "dashboard id")
        return (
            yield from self._call(
                "POST",
                f"{id}/generate_metadata/",
                answer(GeneratedMetadata),
                intent=f"generate metadata for dashboard {id}",
                action="generate_metadata",
                json={},
                idempotent=False,
                long_running=True,
            )
        )

    @endpoint
    def run_insights(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        refresh: Refresh | str = Refresh.FORCE_CACHE,
        output_format: OutputFormat | str = OutputFormat.JSON,
        filters_override: Mapping[str, Any] | None = None,
        variables_override: Mapping[str, Any] | None = None,
        tile_ids: Sequence[int] | None = None,
        max_result_chars: int | None = None,
    ) -> Flow[list[InsightRun]]:
        """Results of all insight tiles, without the rest of the dashboard (contract 3.15).

        Can not prove freshness: it tells of no tile when it was computed. `get` does.

        Scope: query:read. Builds: all; `variables_override` from 2026-05, `tile_ids` and `max_result_chars` in newest
        ones (older ones ignore them).

        Args:
            id: The dashboard.
            refresh: How far results may or must be calculated; blocking modes calculate tile after tile.
            output_format: `json`, or `optimized` for tables as text.
            filters_override: Filters for this run alone.
            variables_override: Variables for this run alone.
            tile_ids: Only these tiles.
            max_result_chars: Cut texts at this length.

        Raises:
            MissingScopeError: The key lacks query:read.
            BadRequestError: A tile's SQL is invalid: then the whole run fails.

        Example:
            >>> {run.id: run.result for run in client.dashboards.run_insights(42, refresh="blocking")}
        """
        arguments.positive_id(id, "dashboard id")
        mode = arguments.choice(refresh, Refresh, "refresh")
        params = {
            "refresh": mode.value,
            "output_format": arguments.choice(output_format, OutputFormat, "output_format").value,
            **overrides(filters_override, variables_override),
        }
        if tile_ids is not None:
            params["tile_ids"] = ",".join(map(str, arguments.ids(tile_ids, "tile_ids")))
        if max_result_chars is not None:
            params["max_result_chars"] = str(arguments.whole(max_result_chars, "max_result_chars"))
        runs = yield from self._call(
            "GET",
            f"{id}/run_insights/",
            answer(_Runs),
            intent=f"run the insights of dashboard {id}",
            action="run_insights",
            params=params,
            idempotent=mode.harmless_twice,
            long_running=mode.calculates_in_request,
        )
        return runs.results

    @streaming
    def stream_tiles(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        refresh: Refresh | str = Refresh.FORCE_CACHE,
        layout_size: LayoutSize | str = LayoutSize.SM,
        filters_override: Mapping[str, Any] | None = None,
        variables_override: Mapping[str, Any] | None = None,
    ) -> Stream[TileEvent]:
        """A dashboard tile by tile, as they become ready: iterate with `for`, or `async for` (contract 3.9, 4.8).

        First comes `StreamMetadata` with the first two tiles, then one `StreamTile` per tile or a `StreamError` for
        one that failed. Holds one event at a time.

        Scope: a session; every key is refused. Builds: all.

        Raises:
            KeyNotAccepted: The credential is a key or token: use `get`.
            PostHogProtocolError: The stream ended before it was complete.

        Example:
            >>> for event in client.dashboards.stream_tiles(42, refresh="blocking"):
            ...     if isinstance(event, StreamTile):
            ...         print(event.tile.id)
        """
        arguments.positive_id(id, "dashboard id")
        mode = arguments.choice(refresh, Refresh, "refresh")
        request = self._request(
            "GET",
            f"{id}/stream_tiles/",
            intent=f"stream the tiles of dashboard {id}",
            action="stream_tiles",
            params={
                "refresh": mode.value,
                "layoutSize": arguments.choice(layout_size, LayoutSize, "layout_size").value,
                **overrides(filters_override, variables_override),
            },
            idempotent=mode.harmless_twice,
            long_running=mode.calculates_in_request,
        )
        return Stream(open_stream(self._context, request), TileReader(request), request)


def _client_results(results: Mapping[int | str, Mapping[str, Any]]) -> dict[str, Any]:
    if not isinstance(results, Mapping):
        raise PostHogArgumentError("client_results must map tile ids to results.")
    written = {}
    for tile_id, entry in results.items():
        where = f"client_results[{tile_id!r}]"
        if isinstance(tile_id, str) and tile_id.isascii() and tile_id.isdigit():
            tile_id = int(tile_id)
        arguments.positive_id(tile_id, f"{where}: the tile id")
        arguments.json_object(entry, where)
        arguments.text(entry.get("insight_name"), f"{where}.insight_name", limit=10_000)
        if not entry.get("data"):
            raise PostHogArgumentError(f"{where}.data is empty; leave tiles without results out.")
        written[str(tile_id)] = {"insight_name": entry["insight_name"], "data": entry["data"]}
    return written
