"""Contract 1 and 2: addresses, credentials, envelopes, kinds of 404, and the throttle with its Retry-After."""

from __future__ import annotations

import re
from typing import Any

import pytest

NOWHERE = 987_654_321
ENDPOINT_NOT_FOUND = (404, "not_found", None, "Endpoint not found.")
UNPARSABLE = (400, "parse_error", None, re.compile("^JSON parse error - "))
UNACCEPTABLE = (406, "not_acceptable", None, None)


def method(name: str, path: str) -> Any:
    return (
        f"405-{name}-{path.partition('/')[2] or path}",
        "ABC",
        lambda w: w.call(name, path.format(id=w.board()), who="session"),
        (405, "method_not_allowed", None, f'Method "{name}" not allowed.'),
    )


def content(text: str, path: str = "dashboards/", kind: str = "application/json") -> Any:
    return lambda w: w.call("POST", path, who="session", content=text.encode(), headers={"Content-Type": kind})


def accept(value: str, path: str = "dashboards/") -> Any:
    return lambda w: w.call("GET", path, headers={"Accept": value})


def two_keys(header: str | None, body: str | None, query: str | None) -> Any:
    """PATCH with keys in up to three places; `good` is replaced."""

    def ask(world: Any) -> Any:
        board = world.board()
        good = world.sandbox.personal_api_key
        values = [value and value.replace("good", good) for value in (header, body, query)]
        sent = {"name": "x", **({"personal_api_key": values[1]} if values[1] else {})}
        params = {"personal_api_key": values[2]} if values[2] else {}
        who = world.bearer(values[0]) if values[0] else "nobody"
        return world.call("PATCH", f"dashboards/{board}/", sent, who=who, params=params)

    return ask


def key_in_form(world: Any) -> Any:
    board = world.board()
    form = {"name": "x", "personal_api_key": world.sandbox.personal_api_key}
    return world.call("PATCH", f"dashboards/{board}/", who="nobody", data=form)


def invalid(where: str) -> Any:
    detail = f"Personal API key found in request {where} is invalid."
    return 401, "authentication_failed", None, detail


SENTENCES: list[tuple[str, str, Any, Any]] = [
    # 1.1
    ("form-patch", "ABC", lambda w: w.call("PATCH", f"dashboards/{w.board()}/", data={"name": "x"}),
     (200, lambda b: b["name"] == "x")),
    ("template-form", "ABC",
     lambda w: w.call("POST", "dashboards/create_from_template_json/", who="session", data={"template": "{}"}),
     (415, "unsupported_media_type", None, None)),
    ("accept-json", "ABC", accept("application/json"), 200),
    ("accept-any", "ABC", accept("*/*"), 200),
    ("accept-csv", "ABC", accept("text/csv"), UNACCEPTABLE),
    ("accept-xml-one", "ABC", lambda w: accept("application/xml", f"dashboards/{w.board()}/")(w), UNACCEPTABLE),
    ("format-json", "ABC", lambda w: w.get("dashboards/", format="json"), (200, lambda b: "results" in b)),
    ("legacy-flat", "ABC", lambda w: w.get("/api/dashboard/"), (200, lambda b: "results" in b)),
    ("legacy-flat-one", "ABC", lambda w: w.get(f"/api/dashboard/{w.board()}/"), (200, lambda b: "tiles" in b)),
    # 1.2: first one found wins
    ("keys-header", "ABC", two_keys("good", None, None), 200),
    ("keys-body", "ABC", two_keys(None, "good", None), 200),
    ("keys-query", "ABC", two_keys(None, None, "good"), 200),
    ("keys-form", "ABC", key_in_form, 200),
    ("keys-header-first", "ABC", two_keys("phx_wrong", "good", "good"), invalid("Authorization header")),
    ("keys-body-second", "ABC", two_keys(None, "phx_wrong", "good"), invalid("body")),
    ("keys-query-last", "ABC", two_keys(None, None, "phx_wrong"), invalid("query string")),
    ("keys-header-wins", "ABC", two_keys("good", "phx_wrong", "phx_wrong"), 200),
    ("keys-body-wins", "ABC", two_keys(None, "good", "phx_wrong"), 200),
    # 2.1
    *[(f"unparsable-{index}", "ABC", content(text), UNPARSABLE)
      for index, text in enumerate(["{", '{"name": }', "name=x", '{"name": "x",}', "\x00"])],
    ("first-of-many-errors", "BC",
     lambda w: w.post(f"dashboards/{w.board()}/move_tile/", {}), (400, "required", "tile", None)),
    *[method(name, path) for name, path in (
        ("PUT", "dashboards/"), ("PATCH", "dashboards/"), ("DELETE", "dashboards/"),
        ("POST", "dashboards/{id}/"), ("GET", "dashboards/{id}/copy_tile/"), ("PUT", "dashboards/{id}/reorder_tiles/"),
        ("POST", "dashboards/{id}/run_insights/"), ("POST", "dashboards/{id}/stream_tiles/"),
        ("GET", "dashboards/bulk_update_tags/"), ("GET", "dashboards/create_from_template_json/"),
        ("PATCH", "data_color_themes/"),
    )],
    # 2.4
    *[(f"404-{index}", "ABC", lambda w, p=path: w.call("GET", p, who="nobody"), ENDPOINT_NOT_FOUND)
      for index, path in enumerate([
          "nothing/", "dashboards/1/nothing/", "dashboards/1/a/b/c/", "/api/nothing/", "/api/projects/1/",
          "/api/projects/1/dashboards/1/snapshots/",
      ])],
    ("404-snapshot-cloud", "C", lambda w: w.call("POST", "dashboards/1/snapshot", who="nobody"), ENDPOINT_NOT_FOUND),
    ("404-analyze-cloud", "C", lambda w: w.call("POST", "dashboards/1/analyze_refresh_result", who="nobody"),
     ENDPOINT_NOT_FOUND),
    ("404-object", "ABC", lambda w: w.get(f"dashboards/{NOWHERE}"), (404, "not_found", None, "Not found.")),
    ("404-project", "ABC", lambda w: w.get("/api/projects/x/dashboards"),
     (404, "not_found", None, "Project not found.")),
]  # fmt: skip


def test_sentence(begin: Any, build: str, sentence: Any) -> None:
    name, _, ask, expected = sentence
    world = begin(build)
    reply = ask(world)
    if name == "first-of-many-errors":
        # Which field is declared first is not in the contract; that exactly one is told is.
        assert reply.json()["attr"] in {"tile", "to_dashboard"}
        expected = (*expected[:2], ..., expected[3])
    world.check(reply, expected)


PATHS = ["dashboards", "dashboards/{id}", "dashboards/{id}/run_insights", "data_color_themes", "insights/{insight}"]


@pytest.mark.parametrize("path", PATHS)
def test_every_spelling_of_an_address_gives_the_same(every: Any, path: str) -> None:
    """1.1: the environments alias, `@current`, and trailing slashes; no redirects."""
    board = every.board()
    ids = {"id": board, "insight": every.insight(board)["id"]}
    answers = []
    for prefix in ("projects/1", "environments/1", "projects/@current", "environments/@current"):
        for slash in ("", "/"):
            reply = every.get(f"/api/{prefix}/{path.format(**ids)}{slash}", who="session")
            assert reply.status_code == 200, reply.text
            answer = reply.json()
            if isinstance(answer, dict):
                answer = {
                    key: value for key, value in answer.items() if key not in {"last_accessed_at", "last_viewed_at"}
                }
            for entry in answer["results"] if isinstance(answer, dict) and "results" in answer else ():
                entry.pop("last_accessed_at", None)
            answers.append(answer)
    assert all(answer == answers[0] for answer in answers)


def test_dashboards_belong_to_their_project(every: Any) -> None:
    """1.1 and 2.4: in another project of one's own the same id is not found."""
    board = every.board()
    every.check(every.get(f"/api/projects/2/dashboards/{board}/"), (404, "not_found", None, "Not found."))
    assert every.json("GET", "/api/projects/2/dashboards/")["results"] == []


def test_current_is_the_callers_own_project(every: Any) -> None:
    every.json("POST", "/api/projects/3/dashboards/", {"name": "theirs"}, status=201, who="outsider")
    answer = every.json("GET", "/api/projects/@current/dashboards/", who="outsider")
    assert [item["name"] for item in answer["results"]] == ["theirs"]


def test_instants_are_utc_with_z(every: Any) -> None:
    made = every.dashboard(every.board())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", made["created_at"])


def test_oauth_tokens_live_an_hour(every: Any) -> None:
    """1.2."""
    token = every.key("*", kind="oauth")
    every.sandbox.advance(3500)
    assert every.get("dashboards/", token).status_code == 200
    every.sandbox.advance(200)
    assert every.get("dashboards/", token).status_code == 401


def test_write_includes_read_and_all_listed_scopes_are_needed(every: Any) -> None:
    """1.3."""
    assert every.get("dashboards/", every.key("dashboard:write")).status_code == 200
    assert every.post("dashboards/", {"name": "x"}, every.key("dashboard:read")).status_code == 403
    assert every.get(f"dashboards/{every.board()}/run_insights", every.key("dashboard:write")).status_code == 403


class TestThrottle:
    """2.3."""

    def spend(self, world: Any, who: Any, count: int, path: str = "dashboards/") -> None:
        for _ in range(count):
            reply = world.get(path, who)
            assert reply.status_code != 429, reply.text

    def refused(self, world: Any, who: Any, path: str = "dashboards/") -> int:
        reply = world.get(path, who)
        seconds = int(reply.headers["retry-after"])
        expected = f"Request was throttled. Expected available in {seconds} second"
        world.check(reply, (429, "throttled", None, re.compile(f"^{expected}s?\\.$")))
        assert seconds >= 1
        assert not any(name.startswith("x-ratelimit") for name in reply.headers)
        return seconds

    @pytest.fixture
    def limited(self, begin: Any) -> Any:
        return begin("cloud", rate_limits_enabled=True)

    def test_off_by_default(self, cloud: Any) -> None:
        self.spend(cloud, cloud.key("*"), 481)

    def test_480_a_minute_and_the_wait_until_the_oldest_call_leaves(self, limited: Any) -> None:
        who = limited.key("*")
        self.spend(limited, who, 1)
        limited.sandbox.advance(40)
        self.spend(limited, who, 479)
        seconds = self.refused(limited, who)
        assert seconds <= 20, "not the whole window"
        assert self.refused(limited, who, "data_color_themes/") <= seconds, "one bucket for both"
        assert limited.get(f"insights/{NOWHERE}/", who).status_code == 404, "another bucket"
        limited.sandbox.advance(seconds)
        self.spend(limited, who, 1)
        self.refused(limited, who)

    def test_only_keys_and_each_its_own_bucket(self, limited: Any) -> None:
        first, second = limited.key("*"), limited.key("*")
        token = limited.key("*", kind="oauth")
        self.spend(limited, first, 480)
        self.refused(limited, first)
        for who in (second, token, "session"):
            self.spend(limited, who, 1)
        for who in (token, "session"):
            self.spend(limited, who, 490)

    def test_refused_calls_do_not_count(self, limited: Any) -> None:
        who = limited.key("dashboard:read")
        for _ in range(490):
            assert limited.post("dashboards/", {"name": "x"}, who).status_code == 403
        self.spend(limited, who, 480)
        for _ in range(5):
            self.refused(limited, who)
        limited.sandbox.advance(61)
        self.spend(limited, who, 480)

    def test_240_a_minute_and_1200_an_hour_for_insights(self, limited: Any) -> None:
        who, path = limited.key("*"), f"insights/{NOWHERE}/"
        for _ in range(5):
            self.spend(limited, who, 240, path)
            limited.sandbox.advance(61)
        seconds = self.refused(limited, who, path)
        assert 3600 - 5 * 61 - 120 <= seconds <= 3600 - 5 * 61 + 1, "the longest wait of the two"
        self.spend(limited, who, 1)

    def test_4800_an_hour_for_dashboards(self, limited: Any) -> None:
        who = limited.key("*")
        for _ in range(10):
            self.spend(limited, who, 480)
            limited.sandbox.advance(61)
        # The sandbox's clock goes on by itself, too.
        assert 3600 - 610 - 120 <= self.refused(limited, who) <= 3600 - 610 + 1
