"""Commands, useful before one writes a DAG: `python -m airflow_dashboards …`, and `airflow posthog …`.

Both are built from one table (`cli.table`). The first reads the server and its key from the environment and starts no
Airflow; the second reads them from an Airflow Connection. Importing this package imports neither.
"""
