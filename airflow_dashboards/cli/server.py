"""The commands that ask PostHog: check, list, capture, refresh, export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.cli.access import UsageError, path_of
from airflow_dashboards.cli.terminal import columns, complain, progress, say, say_json

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from airflow_dashboards.cli.access import Access
    from airflow_dashboards.hooks.connection import ConnectionSettings
    from airflow_dashboards.posthog import FlowClient, Window
    from airflow_dashboards.posthog.flow import Flow
    from airflow_dashboards.refresh.outcome import RefreshOutcome

#: What names the files of these commands, where a DAG's files have its run.
RUN = "cli"


def check(options: Namespace, access: Access) -> int:
    """Say what server this is, what the key may do, and what its limits are; 1 where refreshing would not work."""
    from airflow_dashboards.hooks.shared import limits_of
    from airflow_dashboards.refresh.doctor import NEEDS, UNTRIED

    found = access.examine()
    limits = limits_of(access.read_settings())
    missing = dict(found.missing)
    limited = found.credential == "personal_api_key"
    if options.as_json:
        say_json(
            {
                "host": found.host,
                "project_id": found.project_id,
                "credential": found.credential,
                "build": found.build,
                "granted": found.granted,
                "missing": missing,
                "not_tried": found.untried,
                "usable": found.usable,
                "limits": {name: {f"{w.seconds:g}s": w.limit for w in windows} for name, windows in limits.items()}
                if limited
                else {},
            }
        )
        return 0 if found.usable else 1
    say(f"{found.host}, project {found.project_id}, build {found.build}, {found.credential.replace('_', ' ')}")
    say()
    rows = [
        (need.scope, "MISSING" if need.scope in missing else "granted", "yes" if need.essential else "no", need.purpose)
        for need in NEEDS
    ]
    rows += [(scope, "not tried", "no", UNTRIED[scope]) for scope in found.untried]
    say(columns(["SCOPE", "", "NEEDED", "FOR"], rows, widest=90))
    say()
    if limited:
        say(_told(limits))
    else:
        say("This kind of credential has no request limit.")
    if not found.usable:
        complain("Snapshot and refresh will not work. Give the key the missing scopes in PostHog's settings.")
    return 0 if found.usable else 1


def _told(limits: Mapping[str, Sequence[Window]]) -> str:
    from airflow_dashboards.posthog.budget import LIMITS

    spans = {60.0: "a minute", 3600.0: "an hour"}
    numbers = "; ".join(
        f"{name} " + ", ".join(f"{window.limit} {spans[window.seconds]}" for window in windows)
        for name, windows in limits.items()
    )
    whose = "per key on PostHog Cloud, which we keep to" if limits == LIMITS else "that this connection sets"
    return f"Limits {whose}: {numbers}."


def list_dashboards(options: Namespace, access: Access) -> int:
    """List the project's dashboards."""
    tags, search = tuple(options.tags or ()), options.search or None
    found = access.run(lambda flows, _: flows.dashboards.list(tags=tags, search=search))
    if tags or search:
        from airflow_dashboards.refresh.select import Selector

        # Builds without a filter list everything (contract 3.1).
        found = [each for each in found if Selector(tags=tags, search=search).matches(each)]
    if options.as_json:
        say_json([{"id": e.id, "name": e.name, "tags": e.tags, "pinned": bool(e.pinned)} for e in found])
        return 0
    rows = [(str(e.id), e.name or "", ", ".join(e.tags), "pinned" if e.pinned else "") for e in found]
    say(columns(["ID", "NAME", "TAGS", ""], rows))
    say(f"\n{len(found)} dashboard{'' if len(found) == 1 else 's'}")
    return 0


def capture(options: Namespace, access: Access) -> int:
    """Store what dashboards show now; 1 where one could not be read."""
    from airflow_dashboards.refresh.before import capture_before

    wanted, store = _wanted(options), access.store(options.storage)
    captured = access.run(
        lambda flows, settings: capture_before(
            flows,
            wanted,
            host=settings.host,
            keep=lambda snapshot: store.write(snapshot, run=RUN),
            mode=options.mode,
        )
    )
    if options.as_json:
        say_json([reference.model_dump(mode="json") for reference in captured.references])
    else:
        for ref in captured.references:
            counts = ", ".join(f"{count} {status}" for status, count in ref.counts.items()) or "no tiles"
            say(f"{ref.dashboard_name} ({ref.dashboard_id}): {counts}\n  {ref.uri}")
    for dashboard_id, error in captured.failures.items():
        complain(f"Dashboard {dashboard_id} could not be captured: {error}")
    return 1 if captured.failures else 0


def refresh(options: Namespace, access: Access) -> int:
    """Refresh dashboards and store what they show then; 1 where a tile is not proven fresh."""
    from airflow_dashboards.posthog.arguments import choice
    from airflow_dashboards.refresh.batch import refresh_many
    from airflow_dashboards.refresh.outcome import verdict
    from airflow_dashboards.refresh.plan import RefreshOptions, Strategy
    from airflow_dashboards.refresh.select import resolve

    wanted, store = _wanted(options), access.store(options.storage)
    strategy = choice(options.strategy, Strategy, "--strategy")
    known: list[int] = []
    with progress(lambda: len(known) or None, shown=not options.as_json) as journal:

        def whole(flows: FlowClient, settings: ConnectionSettings) -> Flow[list[RefreshOutcome]]:
            known.extend((yield from resolve(flows, wanted)))
            return (
                yield from refresh_many(
                    flows,
                    known,
                    RefreshOptions(host=settings.host, strategy=strategy, timeout=options.timeout),
                    keep=lambda snapshot: store.write(snapshot, run=RUN),
                    journal=journal,
                )
            )

        outcomes = access.run(whole)
    if options.as_json:
        say_json([outcome.model_dump(mode="json") for outcome in outcomes])
    else:
        for outcome in outcomes:
            say(outcome.describe() + (f"\n  {outcome.after.uri}" if outcome.after else ""))
    return 1 if verdict(outcomes).fails else 0


def export(options: Namespace, access: Access) -> int:
    """Write a dashboard out as a template."""
    from airflow_dashboards.refresh.template import export_template, file_of

    template = access.run(lambda flows, _: export_template(flows, options.dashboard))
    text = file_of(template)
    if options.to is None:
        say(text.rstrip())
        return 0
    path_of(options.to).write_text(text, encoding="utf-8")
    say(f"Wrote {template['template_name']!r}, {len(template['tiles'])} tiles, to {options.to}")
    return 0


def _wanted(options: Namespace) -> list[int] | dict[str, Any]:
    """Return what the operators call `dashboards`.

    Raises:
        UsageError: neither ids nor a selector, or both.
    """
    selector = {
        key: value
        for key, value in {"tags": options.tags, "search": options.search, "all": options.every}.items()
        if value
    }
    if bool(options.dashboards) == bool(selector):
        raise UsageError("Which dashboards? Give ids, or one of --tag, --search and --all.")
    return selector or options.dashboards
