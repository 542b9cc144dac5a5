"""Every operator can be imported from the package, and Airflow is told of its module."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import airflow_dashboards
from airflow_dashboards import operators
from airflow_dashboards.provider_info import get_provider_info

#: Nobody uses it by itself.
BASE = "PostHogOperator"


def test_every_operator_is_a_public_name_and_its_module_is_known_to_airflow() -> None:
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(operators.__path__, f"{operators.__name__}."):
        for name, member in vars(import_module(module.name)).items():
            if name.startswith("PostHog") and name.endswith("Operator") and member.__module__ == module.name:
                found[name] = module.name
    del found[BASE]
    assert len(found) >= 15
    assert found.keys() <= set(airflow_dashboards.__all__)
    assert {name: getattr(airflow_dashboards, name).__module__ for name in found} == found
    (told,) = get_provider_info()["operators"]
    assert set(told["python-modules"]) == set(found.values())
