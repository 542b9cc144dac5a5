"""A model is asked through another provider's hook; whatever goes wrong there comes back as one sort of error."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType, SimpleNamespace

import pytest
from airflow.sdk.log import mask_secret

from airflow_dashboards.hooks.llm import NarratorUnavailableError, asker

MODULE = "airflow.providers.common.ai.hooks.pydantic_ai"


@pytest.fixture
def model(monkeypatch):
    """A hook with the interface of `PydanticAIHook`; `answer` is what its agent does."""
    asked = SimpleNamespace(settings=None, instructions=None, conn_id=None, answer=None)

    class Agent:
        async def run(self, message, *, model_settings):
            asked.settings = model_settings
            return SimpleNamespace(output=await asked.answer(message))

    class PydanticAIHook:
        @classmethod
        def get_hook(cls, conn_id):
            asked.conn_id = conn_id
            return cls()

        def create_agent(self, *, output_type, instructions):
            assert output_type is str
            asked.instructions = instructions
            return Agent()

    module = ModuleType(MODULE)
    module.PydanticAIHook = PydanticAIHook
    for parent in ("airflow.providers.common.ai", "airflow.providers.common.ai.hooks"):
        monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
    monkeypatch.setitem(sys.modules, MODULE, module)
    return asked


def test_a_question_has_one_answer_and_limits(model):
    async def answer(message):
        return f"I read {message}."

    model.answer = answer
    assert asker("llm", max_tokens=70, timeout=9.0)("Be brief.", "the data") == "I read the data."
    assert (model.conn_id, model.instructions) == ("llm", "Be brief.")
    assert model.settings == {"max_tokens": 70, "timeout": 9.0}


def test_a_failure_tells_why_and_keeps_secrets(model):
    mask_secret("sk-very-secret-key")

    async def answer(message):
        raise RuntimeError("401: bad key sk-very-secret-key")

    model.answer = answer
    with pytest.raises(
        NarratorUnavailableError, match="the model of 'llm' did not answer: RuntimeError: 401"
    ) as caught:
        asker("llm", max_tokens=70)("", "")
    assert "sk-very-secret-key" not in str(caught.value)


def test_a_model_that_never_answers_is_given_up(model):
    async def answer(message):
        await asyncio.Event().wait()

    model.answer = answer
    with pytest.raises(NarratorUnavailableError, match=r"took longer than 0\.01 s"):
        asker("llm", max_tokens=70, timeout=0.01)("", "")


def test_a_missing_provider_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, MODULE, None)
    with pytest.raises(NarratorUnavailableError, match=r"pip install 'airflow-dashboards\[ai\]'"):
        asker("llm", max_tokens=70)("", "")
