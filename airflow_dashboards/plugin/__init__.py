"""The page "Dashboards" in Airflow: every refresh of every dashboard, behind Airflow's own login and permissions.

`views` is what Airflow loads in each of its processes, and imports nothing; the rest only lives in the API server.
"""
