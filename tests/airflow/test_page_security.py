"""The page inside of a real Airflow API application: who may see what, and that nothing leads out of its storage."""

from __future__ import annotations

import asyncio
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from airflow_dashboards.plugin.views import PREFIX, PostHogDashboardsPlugin

cases = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "unit" / "plugin" / "page_cases.py")))

#: DAG -> who may read it, besides the admin.
READERS = {"nightly": {"nora"}, "payroll": {"paul"}}
SECRET = "what-lies-outside-of-the-storage-path"
#: A route of each kind with what it needs to answer.
ROUTES = {
    "/dashboards": {},
    "/static/page.js": {},
    "/api/dashboards": {},
    "/api/dashboard": {"dashboard": "eu.posthog.com/1/42"},
    "/api/runs": {"dag_id": "nightly", "run_id": "scheduled__0"},
    "/api/run": {"run": "nightly-scheduled__0-kpis.analyze"},
    "/report": {"run": "nightly-scheduled__0-kpis.analyze"},
}
OUTWARD = [
    "../secret.html", "../../secret.html", "%2e%2e%2fsecret.html", "..%252fsecret.html", "....//secret.html",
    "..\\secret.html", "/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/", "s3://bucket/secret.html",
    "runs/../../secret.html", "reports/nightly/report.html", "secret.html\0", "%00", "~/secret.html",
    "nightly-scheduled__0-kpis.analyze/../../secret",
]  # fmt: skip


@pytest.fixture(scope="module")
def airflow_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Airflow's whole API application, made once, with users of its own."""
    from airflow.api_fastapi.app import create_app, purge_cached_app

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "admin:admin,nora:viewer,paul:viewer")
        patch.setenv(
            "AIRFLOW__API_AUTH__JWT_SECRET", "a secret that is long enough for every algorithm, and then some more"
        )
        register_dags()
        yield create_app(apps="all")
        purge_cached_app()


def register_dags() -> None:
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name="page"))
        session.flush()
        for dag_id in READERS:
            session.merge(DagModel(dag_id=dag_id, bundle_name="page"))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The storage path, beside a file that nobody may see."""
    root = tmp_path / "storage"
    root.mkdir()
    (tmp_path / "secret.html").write_text(SECRET)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "report.html").write_text(SECRET)
    monkeypatch.setenv("AIRFLOW__POSTHOG__STORAGE_PATH", str(root))
    return root


@pytest.fixture
def kept(root: Path) -> Path:
    """A run that nora may read and one that paul may read."""
    day = cases.record
    cases.keep(
        root,
        near(day(cases.verdict(42, tags=["etl"]), cases.verdict(43, "fail"))),
        "<!doctype html><title>Nightly</title>",
    )
    payroll = day(
        cases.verdict(42, "warn", summary="Salaries doubled.", tags=["etl", "wages"]),
        cases.verdict(99),
        dag_id="payroll",
    )
    cases.keep(root, near(payroll), "<!doctype html><title>Salaries</title>")
    return root


def near(record: Any) -> Any:
    """The same run, but today: the page looks back a hundred days."""
    from datetime import datetime, timezone

    return record.model_copy(update={"at": datetime.now(timezone.utc)})


class Reader:
    """Somebody with a browser."""

    def __init__(self, app: Any, user: str | None) -> None:
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

        self._app = app
        self.cookies = {}
        if user is not None:
            role = "ADMIN" if user == "admin" else "VIEWER"
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role=role))
            self.cookies = {"_token": token}

    def ask(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None, **parameters: Any
    ) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://airflow", cookies=self.cookies
            ) as client:
                return await client.request(method, f"{PREFIX}{path}", params=parameters or None, headers=headers)

        return asyncio.run(send())


@pytest.fixture
def reader(airflow_app: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that makes a reader; the permissions are those of READERS."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    def may(self: Any, *, method: str, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        return user.username == "admin" or (details is not None and user.username in READERS.get(details.id, ()))

    monkeypatch.setattr(SimpleAuthManager, "is_authorized_dag", may)
    # The application looks up the storage path with its first request.
    monkeypatch.setattr(PostHogDashboardsPlugin.fastapi_apps[0]["app"], "_application", None)
    return lambda user: Reader(airflow_app, user)


def test_the_entry_point_mounts_the_page_and_adds_its_views(airflow_app: Any) -> None:
    from airflow import plugins_manager

    assert PREFIX in [route.path for route in airflow_app.routes]
    (info,) = [each for each in plugins_manager.get_plugin_info() if each["name"] == "posthog_dashboards"]
    assert {view["destination"] for view in info["external_views"]} == {"nav", "dag_run", "task_instance"}
    assert len({view["url_route"] for view in info["external_views"]}) == 3


def test_the_plugin_costs_other_processes_nothing() -> None:
    import ast

    from airflow_dashboards.plugin import views

    # Every Airflow process loads this module; what it imports only when it is asked for something is indented.
    tree = ast.parse(Path(views.__file__).read_text())
    imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert imported == {"__future__", "typing", "airflow.plugins_manager"}
    assert not [node for node in tree.body if isinstance(node, ast.Import)]


def test_every_route_is_in_this_list() -> None:
    from airflow_dashboards.plugin.server import router

    assert {route.path.replace("{name}", "page.js") for route in router.routes} == set(ROUTES)


@pytest.mark.parametrize(("path", "parameters"), ROUTES.items())
def test_who_is_not_signed_in_gets_nothing(reader: Any, kept: Path, path: str, parameters: dict[str, str]) -> None:
    assert reader("admin").ask(path, **parameters).status_code == 200
    anonymous = reader(None)
    answer = anonymous.ask(path, **parameters)
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Not authenticated"}
    person = anonymous.ask(path, headers={"Accept": "text/html"}, **parameters)
    assert person.status_code == 401
    assert "Sign in to Airflow" in person.text


@pytest.mark.parametrize("token", ["", "x", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGUiOiJhZG1pbiJ9."])
@pytest.mark.parametrize("path", ["/api/dashboards", "/report"])
def test_a_forged_token_opens_nothing(reader: Any, kept: Path, token: str, path: str) -> None:
    forger = reader(None)
    for cookies, headers in ({"_token": token}, {}), ({}, {"Authorization": f"Bearer {token}"}):
        forger.cookies = cookies
        assert forger.ask(path, headers=headers, **ROUTES[path]).status_code in (401, 403)


@pytest.mark.parametrize("path", ["/api/run", "/report", "/api/runs"])
def test_whoever_may_not_read_the_dag_is_refused(reader: Any, kept: Path, path: str) -> None:
    assert reader("nora").ask(path, **ROUTES[path]).status_code == 200
    answer = reader("paul").ask(path, **ROUTES[path])
    assert answer.status_code == 403
    assert "Shop" not in answer.text


def test_a_dashboard_that_only_others_may_see_is_refused(reader: Any, kept: Path) -> None:
    assert reader("paul").ask("/api/dashboard", dashboard="eu.posthog.com/1/99").status_code == 200
    assert reader("nora").ask("/api/dashboard", dashboard="eu.posthog.com/1/99").status_code == 403
    assert reader("nora").ask("/api/dashboard", dashboard="eu.posthog.com/1/98").status_code == 404


def test_lists_hold_what_the_reader_may_see_and_nothing_of_the_rest(reader: Any, kept: Path) -> None:
    nora, paul = (reader(name).ask("/api/dashboards").json() for name in ("nora", "paul"))
    assert [each["name"] for each in nora["dashboards"]] == ["Shop 43", "Shop 42"]
    assert [each["name"] for each in paul["dashboards"]] == ["Shop 42", "Shop 99"]
    assert (nora["dags"], paul["dags"]) == (["nightly"], ["payroll"])
    assert (nora["tags"], paul["tags"]) == (["etl"], ["etl", "wages"])
    assert nora["verdicts"] == {"fail": 1, "warn": 0, "pass": 1}
    assert "payroll" not in json.dumps(nora)
    assert "Salaries" not in json.dumps(nora)
    assert reader("nora").ask("/api/dashboards", text="salaries").json()["total"] == 0
    assert reader("nora").ask("/api/dashboards", tag="wages").json()["total"] == 0
    assert [each["name"] for each in reader("nora").ask("/api/dashboards", tag="etl").json()["dashboards"]] == [
        "Shop 42"
    ]
    shared = reader("nora").ask("/api/dashboard", dashboard="eu.posthog.com/1/42")
    assert [run["dag_id"] for run in shared.json()["runs"]] == ["nightly"]
    assert "payroll" not in shared.text
    assert reader("admin").ask("/api/dashboards").json()["dags"] == ["nightly", "payroll"]


def test_a_dag_that_airflow_no_longer_knows_is_nobodys(reader: Any, root: Path) -> None:
    key = cases.keep(root, near(cases.record(dag_id="gone")))
    assert reader("admin").ask("/api/dashboards").json()["all"] == 0
    assert reader("admin").ask("/report", run=key).status_code == 403


@pytest.mark.parametrize("value", OUTWARD)
def test_no_parameter_leads_out(reader: Any, kept: Path, value: str) -> None:
    admin = reader("admin")
    for path, needed in ROUTES.items():
        names = {"/api/dashboards": ["text", "verdict", "dag", "tag", "days", "number", "size"]}.get(path, list(needed))
        names += ["task_id", "map_index"] if path == "/api/runs" else []
        names += ["days"] if path == "/api/dashboard" else []
        for name in names:
            answer = admin.ask(path, **needed | {name: value})
            assert answer.status_code in (200, 403, 404, 422), (path, name)
            assert SECRET not in answer.text
            assert "root:" not in answer.text
            if path == "/report":
                assert answer.status_code == 404
    for path in (f"/static/{value}", f"/static/{quote(value, safe='')}", f"/{value}", f"/report/{value}"):
        answer = admin.ask(path.replace("\0", "%00"))
        assert SECRET not in answer.text
        assert "root:" not in answer.text


@pytest.mark.parametrize(
    "report",
    [
        "../secret.html", "../secret/report.html", "/etc/passwd", "file:///etc/passwd", "reports/../../secret.html", "s3://bucket/x.html",
        "reports\\..\\..\\secret.html", ".", "..", "", "reports", "//etc/passwd", "reports/\0.html",
    ],
)  # fmt: skip
def test_a_run_that_names_a_report_elsewhere_gets_none(reader: Any, root: Path, report: str) -> None:
    key = cases.keep(root, near(cases.record(report=report)))
    answer = reader("admin").ask("/report", run=key)
    assert answer.status_code == 404
    assert SECRET not in answer.text


@pytest.mark.parametrize("linked", ["report.html", "folder", "reports", "run", "day", "runs"])
def test_a_link_out_of_the_storage_path_is_not_followed(reader: Any, root: Path, tmp_path: Path, linked: str) -> None:
    key = cases.keep(root, near(cases.record()))
    run = next((root / "runs").rglob("*.json"))
    place = {
        "report.html": root / "reports" / key / "report.html",
        "folder": root / "reports" / key,
        "reports": root / "reports",
        "run": run,
        "day": run.parent,
        "runs": root / "runs",
    }[linked]
    outside = tmp_path / "outside"
    place.rename(outside)
    if linked == "report.html":
        outside.write_text(SECRET)
    elif linked == "folder":
        (outside / "report.html").write_text(SECRET)
    elif linked == "reports":
        (outside / key / "report.html").write_text(SECRET)
    place.symlink_to(outside)
    admin = reader("admin")
    answer = admin.ask("/report", run=key)
    assert answer.status_code in (404, 503)
    assert SECRET not in answer.text
    if linked in ("run", "day", "runs"):
        listed = admin.ask("/api/dashboards")
        assert listed.status_code == 503 or listed.json()["all"] == 0


def test_a_report_that_is_gone_is_said_to_be_gone(reader: Any, root: Path) -> None:
    key = cases.keep(root, near(cases.record()))
    never = cases.keep(root, near(cases.record(run_id="never")), report=None)
    (root / "reports" / key / "report.html").unlink()
    answer = reader("admin").ask("/report", run=key)
    assert answer.status_code == 404
    assert "not there any more" in answer.text
    assert reader("admin").ask("/report", run=never).status_code == 404
    assert reader("admin").ask("/api/run", run=never).json()["report"] is False


def test_a_hostile_report_may_do_nothing(reader: Any, root: Path) -> None:
    hostile = (
        "<script>alert(document.cookie)</script><img src=x onerror=alert(1)><base href='//evil.example'><form action=x>"
    )
    key = cases.keep(root, near(cases.record()), hostile)
    answer = reader("admin").ask("/report", run=key)
    assert answer.text == hostile
    policy = directives(answer)
    assert policy["default-src"] == ["'none'"]
    assert "script-src" not in policy
    assert policy["style-src"] == ["'unsafe-inline'"]
    assert policy["base-uri"] == policy["form-action"] == ["'none'"]
    assert policy["frame-ancestors"] == ["'self'"]
    # Sandboxed by itself too: no scripts, and an origin that is not Airflow's.
    assert not {"allow-scripts", "allow-same-origin", "allow-top-navigation", "allow-forms"} & set(policy["sandbox"])
    # Within the page it has our origin, so that its clicks are heard, and nothing else: neither script nor window.
    embedded = directives(reader("admin").ask("/report", run=key, embedded=1))
    assert embedded.pop("sandbox") == ["allow-same-origin"]
    assert embedded == {name: values for name, values in policy.items() if name != "sandbox"}


def test_a_report_takes_the_theme_it_is_asked_for(reader: Any, root: Path) -> None:
    from airflow_dashboards.analysis.report import render_html

    written = render_html([], title="Nothing")
    key = cases.keep(root, near(cases.record()), written)
    assert "prefers-color-scheme: dark" in written
    assert reader("admin").ask("/report", run=key).text == written
    dark, light = (reader("admin").ask("/report", run=key, theme=theme).text for theme in ("dark", "light"))
    assert "prefers-color-scheme" not in dark + light
    assert "@media all" in dark
    assert "@media not all" in light
    assert reader("admin").ask("/report", run=key, theme="<script>").status_code == 422


def test_hostile_names_are_data(reader: Any, root: Path) -> None:
    name = "</script><script>alert(1)</script>\u2028'\""
    looked = cases.verdict(name=name, url="javascript:alert(1)", summary=name)
    key = cases.keep(root, near(cases.record(looked, title=name)))
    for answer in (reader("admin").ask("/api/dashboards"), reader("admin").ask("/api/run", run=key)):
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["dashboards"][0]["name"] == name
    assert "script-src 'self'" in reader("admin").ask("/dashboards").headers["content-security-policy"]


@pytest.mark.parametrize("user", [None, "nora", "admin"])
@pytest.mark.parametrize("path", [*ROUTES, "/nothing", "/static/nothing.js", "/static/index.html"])
def test_every_answer_carries_the_headers(reader: Any, kept: Path, path: str, user: str | None) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = reader(user).ask(path, method, **ROUTES.get(path, {}))
        assert method == "GET" or answer.status_code in (401, 404, 405)
        assert directives(answer)["default-src"] == ["'none'"]
        assert "'unsafe-eval'" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"].startswith("private")


def test_the_page_itself_has_nothing_inline_and_nothing_from_elsewhere(reader: Any, kept: Path) -> None:
    page = reader("admin").ask("/dashboards")
    policy = directives(page)
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["frame-src"] == ["'self'"]
    files = Path(__file__).parents[2] / "airflow_dashboards" / "plugin" / "www"
    for file in files.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, file
        assert "https:" not in text.replace("https?:", ""), file
        assert "innerHTML" not in text, file
        assert " style=" not in text, file
        if file.suffix != ".html":
            answer = reader("admin").ask(f"/static/{file.name}")
            assert answer.content == file.read_bytes()
            again = reader("admin").ask(f"/static/{file.name}", headers={"If-None-Match": answer.headers["etag"]})
            assert again.status_code == 304


def test_nobody_learns_a_secret_or_where_things_are(
    reader: Any, kept: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from airflow.configuration import conf

    connection = {
        "conn_type": "posthog",
        "host": "https://eu.posthog.com",
        "password": "phx_very_secret",
        "extra": {"project_id": 1},
    }
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", json.dumps(connection))
    secrets = [
        "phx_very_secret",
        str(kept),
        conf.get("api_auth", "jwt_secret"),
        conf.get("core", "fernet_key", fallback="") or "-none-",
    ]
    answers = [reader(user).ask(path, **needed) for user in (None, "paul", "admin") for path, needed in ROUTES.items()]
    answers += [reader("admin").ask("/report", run="nothing"), reader("admin").ask("/api/dashboards", number="x")]
    (kept / "runs").rename(kept / "moved")
    (kept / "runs").symlink_to(kept / "moved")
    monkeypatch.setattr(PostHogDashboardsPlugin.fastapi_apps[0]["app"], "_application", None)
    broken = reader("admin").ask("/api/dashboards")
    assert broken.status_code == 503
    for answer in [*answers, broken]:
        told = answer.text + str(answer.headers.get("content-security-policy"))
        assert [secret for secret in secrets if secret in told] == []
    assert "can't be read" in caplog.text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nonsense://someone:hunter2@bucket/posthog", "a package is missing"),
        (
            "gs://nobody_has_this@bucket/posthog",
            "(gs://): a package is missing there (apache-airflow-providers-google)",
        ),
    ],
)
def test_a_store_that_cannot_be_opened_is_said_so(
    reader: Any, monkeypatch: pytest.MonkeyPatch, path: str, said: str
) -> None:
    monkeypatch.setenv("AIRFLOW__POSTHOG__STORAGE_PATH", path)
    monkeypatch.setattr(PostHogDashboardsPlugin.fastapi_apps[0]["app"], "_application", None)
    for _ in range(2):
        answer = reader("admin").ask("/api/dashboards")
        assert answer.status_code == 503
        assert said in answer.json()["detail"]
        assert "hunter2" not in answer.text
    assert reader("admin").ask("/dashboards").status_code == 200


def directives(answer: httpx.Response) -> dict[str, list[str]]:
    found = [directive.split() for directive in answer.headers["content-security-policy"].split(";")]
    return {name: values for name, *values in found}
