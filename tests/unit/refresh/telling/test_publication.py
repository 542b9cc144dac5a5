"""What goes into XComs and files."""

from __future__ import annotations

import json

import jsonschema
import pytest

from airflow_dashboards.analysis.report import ReportContext, json_schema
from airflow_dashboards.refresh.publication import messages, publish

PROBLEM = "Dashboard 44 could not be compared: <the file> is gone"


def test_a_message_for_every_medium(fail):
    said = messages([fail()], context=ReportContext(links={"Airflow task": "https://airflow.example.com/t"}))
    assert said["subject"] == "FAIL: 1 of 2 tiles needs a look: Purchases."
    assert "<https://airflow.example.com/t|Airflow task>" in said["message"]
    assert '<a href="https://airflow.example.com/t">' in said["message_html"]
    assert "Airflow task (https://airflow.example.com/t)" in said["message_text"]


def test_what_could_not_be_compared_is_never_called_well(analysis, tile):
    fine = analysis(42, [tile(1, "Purchases")])
    for batch in ([fine], []):
        said = messages(batch, context=ReportContext(), problems=[PROBLEM])
        assert said["subject"].startswith("FAIL: 1 dashboard could not be compared. ")
        assert all("❌" in said[key] and "✅" not in said[key] for key in ("message", "message_html", "message_text"))
        assert "&lt;the file&gt; is gone" in said["message"]
        assert "&lt;the file&gt; is gone" in said["message_html"]
        assert PROBLEM in said["message_text"]


def test_a_thousand_broken_dashboards_fit_into_a_message(fail):
    said = messages([fail(dashboard_id=each) for each in range(1, 1001)], context=ReportContext())
    assert max(map(len, said.values())) < 4_000
    assert "and 995 more dashboards" in said["message"]


def test_the_file_for_machines_is_as_its_schema_says(fail, tmp_path):
    publish([fail(), fail(dashboard_id=43)], tmp_path, title="Shop", context=ReportContext())
    written = json.loads((tmp_path / "analysis.json").read_text())
    jsonschema.validate(written, json_schema())
    written[0]["status"] = "perhaps"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written, json_schema())
