"""A PostHog of a hundred lines, in memory: enough of it to write dashboards, tiles and tags to, and to make it fail."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from airflow_dashboards.posthog import FlowClient, PostHogConnectionError
from airflow_dashboards.posthog.flow import Flow, Reply, Request, run

SESSION_ONLY = {"bulk_update_tags", "create_from_template_json", "create_unlisted_dashboard"}
NOT_IN_APRIL = {"create_text_tile", "update_text_tile", "delete_tile", "widgets/batch"}


class RefusedError(Exception):
    """An error answer."""

    def __init__(self, status: int, detail: str, code: str = "invalid_input", attr: str | None = None) -> None:
        super().__init__(detail)
        kind = {400: "validation_error", 403: "authentication_error", 404: "invalid_request"}.get(
            status, "server_error"
        )
        self.status = status
        self.body = {"type": kind, "code": code, "detail": detail, "attr": attr}


@dataclass
class World:
    """The server, and the driver that speaks to it. `faults` maps the n-th write (from 1) to what happens to it."""

    session: bool = False
    april: bool = False
    boards: dict[int, dict[str, Any]] = field(default_factory=dict)
    tiles: dict[int, dict[str, Any]] = field(default_factory=dict)
    insights: dict[int, dict[str, Any]] = field(default_factory=dict)
    log: list[tuple[str, str, Any]] = field(default_factory=list)
    #: n-th write -> "lost" (done, but the answer does not arrive), "reset" (not done) or a status.
    faults: dict[int, Any] = field(default_factory=dict)
    #: dashboards that may be read but not written
    read_only: set[int] = field(default_factory=set)
    ids: Any = field(default_factory=lambda: count(1))
    slept: float = 0.0

    # --- the driver

    def now(self) -> float:
        return 1_780_000_000.0 + self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def open(self, request: Request) -> Any:
        raise AssertionError("nothing here streams")

    def send(self, request: Request) -> Reply:
        path = request.path.removeprefix("/api/projects/1/").strip("/")
        body = json.loads(json.dumps(request.json))
        self.log.append((request.method, path, body))
        fault = self.faults.get(len(self.writes)) if request.method != "GET" else None
        if fault == "reset":
            raise PostHogConnectionError("connection reset", sent=True)
        try:
            if isinstance(fault, int):
                raise RefusedError(fault, "A server error occurred.", "error")
            status, answer = self.answer(request.method, path, request.params, body)
        except RefusedError as refused:
            status, answer = refused.status, refused.body
        if fault == "lost":
            raise PostHogConnectionError("connection reset", sent=True)
        content = b"" if answer is None else json.dumps(answer).encode()
        return Reply(status, {"content-type": "application/json"}, content, request)

    def run(self, build: Any) -> Any:
        kind = "session" if self.session else "personal_api_key"
        flow: Flow[Any] = build(FlowClient(1, credential_kind=kind, host="https://posthog.example"))
        return run(flow, self)

    @property
    def writes(self) -> list[tuple[str, str, Any]]:
        return [entry for entry in self.log if entry[0] != "GET"]

    # --- the server

    def answer(self, method: str, path: str, params: Any, body: Any) -> tuple[int, Any]:
        if match := re.fullmatch(r"insights(?:/(\d+))?", path):
            return self.on_insights(method, match.group(1), body)
        match = re.fullmatch(r"dashboards(?:/(\d+))?(?:/?([a-z_/]+))?", path)
        assert match, path
        number, action = match.groups()
        if action in SESSION_ONLY and not self.session:
            raise RefusedError(403, "This action does not support personal API key access", "permission_denied")
        if action in NOT_IN_APRIL and self.april:
            raise RefusedError(404, "Endpoint not found.", "not_found")
        if number is None and action is None:
            return self.create(body) if method == "POST" else (200, self.page(params))
        if number is None:
            return getattr(self, f"on_{action}")(body)
        board = self.boards.get(int(number))
        if board is None or (board["deleted"] and (body or {}).get("deleted") is not False):
            raise RefusedError(404, "Not found.", "not_found")
        if method != "GET" and board["id"] in self.read_only:
            raise RefusedError(403, "You don't have edit permissions for this dashboard.", "permission_denied")
        if action is None:
            return 200, self.full(board) if method == "GET" else self.patch(board, body)
        return getattr(self, f"on_{action.replace('/', '_')}")(board, body)

    def page(self, params: Any) -> dict[str, Any]:
        wanted = params.get("tags") or []
        wanted = {wanted} if isinstance(wanted, str) else set(wanted)
        mode = params.get("creation_mode", "default")
        found = [
            {key: value for key, value in board.items() if key not in ("filters", "variables")}
            for board in self.boards.values()
            if not board["deleted"] and board["creation_mode"] == mode and (not wanted or wanted & set(board["tags"]))
        ]
        offset, limit = int(params.get("offset", 0)), int(params.get("limit", 100))
        more = "https://posthog.example/more" if len(found) > offset + limit else None
        return {"count": len(found), "next": more, "previous": None, "results": found[offset : offset + limit]}

    def add_board(self, name: str, tags: Any = (), **fields: Any) -> dict[str, Any]:
        board = {
            "id": next(self.ids),
            "name": name,
            "description": "",
            "tags": sorted({tag.strip().lower() for tag in tags}),
            "filters": {},
            "variables": {},
            "deleted": False,
            "creation_mode": "default",
            **fields,
        }
        self.boards[board["id"]] = board
        return board

    def add_tile(self, board: dict[str, Any], **parts: Any) -> dict[str, Any]:
        tile = {"id": next(self.ids), "board": board["id"], "layouts": {}, "color": None, "deleted": False, **parts}
        self.tiles[tile["id"]] = tile
        return tile

    def add_insight(self, board: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
        insight = {"id": next(self.ids), "name": "", "description": "", "deleted": False, **fields}
        self.insights[insight["id"]] = insight
        if board is not None:
            self.add_tile(board, insight=insight["id"])
        return insight

    def full(self, board: dict[str, Any]) -> dict[str, Any]:
        answer = {**board, "persisted_filters": board["filters"] or None, "persisted_variables": None, "tiles": []}
        for tile in self.tiles.values():
            if tile["board"] != board["id"] or tile["deleted"] or board["deleted"]:
                continue
            shown = {key: value for key, value in tile.items() if key not in ("board", "deleted")}
            if "insight" in tile:
                insight = copy.deepcopy(self.insights[tile["insight"]])
                if board["filters"]:  # PostHog shows the query with the dashboard's filters applied
                    insight["query"] = {**insight["query"], "filtersApplied": board["filters"]}
                shown["insight"] = {**insight, "result": None}
            answer["tiles"].append(shown)
        return answer

    def create(self, body: Any) -> tuple[int, Any]:
        fields = {key: body[key] for key in ("description", "filters") if key in body}
        return 201, self.full(self.add_board(body["name"], body.get("tags", ()), **fields))

    def patch(self, board: dict[str, Any], body: Any) -> dict[str, Any]:
        if "tags" in body:
            board["tags"] = sorted({tag.strip().lower() for tag in body["tags"]})
        if body.get("filters"):
            board["filters"] = body["filters"]
        for key in ("name", "description", "pinned", "deleted"):
            if key in body:
                board[key] = body[key]
        if body.get("deleted") and body.get("delete_insights"):
            for tile in self.tiles.values():
                if tile["board"] == board["id"] and "insight" in tile:
                    self.insights[tile["insight"]]["deleted"] = True
        for entry in body.get("tiles") or []:
            tile = self.tiles.get(entry.get("id", 0))
            parts = {key: value for key, value in entry.items() if key != "id"}
            if tile is not None and tile["board"] == board["id"]:
                tile.update(parts)
            elif "id" not in entry:
                parts = {
                    key: {**value, "id": next(self.ids)} if key == "text" else value for key, value in parts.items()
                }
                self.add_tile(board, **parts)
        return self.full(board)

    def on_insights(self, method: str, number: str | None, body: Any) -> tuple[int, Any]:
        if number is None:
            insight = self.add_insight(None, **{key: body[key] for key in ("name", "description", "query")})
            tiles = [self.add_tile(self.boards[each], insight=insight["id"]) for each in body.get("dashboards") or []]
            places = [{"id": tile["id"], "dashboard_id": tile["board"], "deleted": None} for tile in tiles]
            return 201, {**insight, "dashboard_tiles": places, "result": None}
        insight = self.insights[int(number)]
        if method == "PATCH":
            insight.update(body)
        return 200, {**insight, "result": None}

    def on_create_text_tile(self, board: dict[str, Any], body: Any) -> tuple[int, Any]:
        text = {"id": next(self.ids), "body": body["body"].strip()}
        tile = self.add_tile(board, text=text, layouts=body.get("layouts") or {}, color=body.get("color"))
        return 201, {key: value for key, value in tile.items() if key not in ("board", "deleted")}

    def on_update_text_tile(self, board: dict[str, Any], body: Any) -> tuple[int, Any]:
        tile = self.tiles[body["tile_id"]]
        tile["text"] = {**tile["text"], "body": body.get("body", tile["text"]["body"])}
        tile.update({key: body[key] for key in ("layouts", "color") if key in body})
        return 200, {key: value for key, value in tile.items() if key not in ("board", "deleted")}

    def on_delete_tile(self, board: dict[str, Any], body: Any) -> tuple[int, Any]:
        tile = self.tiles.get(body["tile_id"])
        if tile is None or tile["deleted"] or tile["board"] != board["id"]:
            raise RefusedError(404, "Not found.", "not_found")
        tile["deleted"] = True
        return 204, None

    def on_copy_tile(self, board: dict[str, Any], body: Any) -> tuple[int, Any]:
        source = self.tiles[body["tileId"]]
        self.add_tile(board, **{key: source[key] for key in ("insight", "text", "layouts", "color") if key in source})
        return 200, self.full(board)

    def on_move_tile(self, board: dict[str, Any], body: Any) -> tuple[int, Any]:
        self.tiles[body["tile"]["id"]]["board"] = body["to_dashboard"]
        return 200, self.full(board)

    def on_widgets_batch(self, board: dict[str, Any], body: Any) -> tuple[int, Any]:
        tiles = [self.add_tile(board, widget={"name": None, **widget}) for widget in body["widgets"]]
        shown = [{key: value for key, value in tile.items() if key not in ("board", "deleted")} for tile in tiles]
        return 201, {"tiles": shown}

    def on_bulk_update_tags(self, body: Any) -> tuple[int, Any]:
        updated, skipped = [], []
        for each in body["ids"]:
            board = self.boards.get(each)
            if board is None or board["deleted"] or each in self.read_only:
                skipped.append({"id": each, "reason": "Not found or no edit access"})
            else:
                tags, has = {tag.strip().lower() for tag in body["tags"]}, set(board["tags"])
                result = {"add": has | tags, "remove": has - tags, "set": tags}[body["action"]]
                board["tags"] = sorted(result)
                updated.append({"id": each, "tags": board["tags"]})
        return 200, {"updated": updated, "skipped": skipped}

    def on_create_from_template_json(self, body: Any) -> tuple[int, Any]:
        template = body["template"]
        fields = {"description": template["dashboard_description"], "filters": template["dashboard_filters"]}
        board = self.add_board(template["template_name"], template.get("tags") or (), **fields)
        for spec in template["tiles"]:
            display = {"layouts": spec["layouts"], "color": spec.get("color")}
            if spec["type"] == "INSIGHT":
                parts = {key: spec[key] for key in ("name", "description", "query")}
                self.add_tile(board, insight=self.add_insight(None, **parts)["id"], **display)
            elif spec["type"] == "TEXT":
                self.add_tile(board, text={"id": next(self.ids), "body": spec["body"]}, **display)
        return 200, self.full(board)

    def on_create_unlisted_dashboard(self, body: Any) -> tuple[int, Any]:
        tag = body["tag"]
        if any(tag in board["tags"] and board["creation_mode"] == "unlisted" for board in self.boards.values()):
            raise RefusedError(409, f"Unlisted dashboard with tag '{tag}' already exists")
        return 201, self.full(self.add_board(tag, [tag], creation_mode="unlisted"))

    # --- what a test asks

    def live(self, name: str) -> list[dict[str, Any]]:
        return [self.full(board) for board in self.boards.values() if board["name"] == name and not board["deleted"]]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def make_world() -> type[World]:
    return World


@pytest.fixture
def refused() -> type[RefusedError]:
    return RefusedError
