"""The cycle itself: capture, refresh, verify, fall back, resume. Joins `posthog` and `analysis`; knows no Airflow.

Everything that talks to PostHog is a flow: run it with `client.run(flow)` or `await aclient.run(flow)`. Names are
imported from their modules, so that a task loads what it uses:

* `select`: which dashboards; `capture`, `before`: what they show
* `plan`, `clock`, `cycle`, `poll`, `tiles`, `verify`, `outcome`: one refresh, and its proof
* `batch`, `ledger`, `journal`: many of them, resumable
* `store`, `reference`, `index`, `history`, `files`: what is kept, and where
* `server_analysis`: PostHog's own snapshot and summary, where they exist

Example:
    >>> from airflow_dashboards.refresh.batch import refresh_many
    >>> from airflow_dashboards.refresh.plan import RefreshOptions
    >>> outcomes = client.run(refresh_many(client.flows, [42, 43], RefreshOptions(host=client.host)))
"""
