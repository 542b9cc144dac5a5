"""Who is asking, and which DAGs Airflow lets that person read. Airflow mounts plugins without any check of its own."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep  # noqa: TC002 - FastAPI reads the annotation
from fastapi import Depends, HTTPException, status


def readable_dags(user: GetUserDep) -> frozenset[str]:
    """Return the ids of the DAGs that the signed-in user may read; nobody may read one that Airflow no longer knows.

    Raises:
        HTTPException: 401, nobody is signed in.
    """
    return frozenset(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))


ReadableDags = Annotated[frozenset[str], Depends(readable_dags)]


def require(dag_id: str, readable: frozenset[str]) -> None:
    """Let the request pass if the user may read the DAG.

    Raises:
        HTTPException: 403.
    """
    if dag_id not in readable:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "You may not read the DAG that this belongs to.")
