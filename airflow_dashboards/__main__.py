"""`python -m airflow_dashboards`: the commands of `airflow_dashboards.cli`, without Airflow."""

from __future__ import annotations

import sys

from airflow_dashboards.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
