from __future__ import annotations

import pytest

from airflow_dashboards.refresh.before import capture_before


@pytest.mark.parametrize("mode", ["async", "lazy_async", "force_async"])
def test_a_read_that_only_enqueues_captures_nothing_and_is_refused(posthog, mode):
    """Its answer has no results, so that the load would be compared with nothing."""
    posthog.board(42)
    with pytest.raises(ValueError, match=f"'{mode}' only enqueues .* use force_cache, blocking, force_blocking"):
        posthog.run(capture_before(posthog.flows(), 42, host="https://eu.posthog.com", keep=None, mode=mode))
    assert posthog.log == []
