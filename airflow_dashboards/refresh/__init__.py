"""The cycle itself: capture, refresh, verify, fall back, resume. Joins `posthog` and `analysis`; knows no Airflow.

Everything that talks to PostHog is a flow: run it with `client.run(flow)` or `await aclient.run(flow)`.

Example:
    >>> options = RefreshOptions(host=client.host)
    >>> outcomes = client.run(refresh_many(client.flows, [42, 43], options))
"""
