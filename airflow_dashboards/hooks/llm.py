"""Any language model, through the hook of `apache-airflow-providers-common-ai`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airflow.sdk.log import redact  # type: ignore[attr-defined]  # public all the same

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds the model may take; the task waits for it.
TIMEOUT = 120.0


class NarratorUnavailableError(Exception):
    """The model can't be asked, or did not answer; the message says why and holds no secret."""


def asker(llm_conn_id: str, *, max_tokens: int, timeout: float = TIMEOUT) -> Callable[[str, str], str]:
    """Return a function that has a connection's model answer a message.

    Args:
        llm_conn_id: id of a Connection of a Pydantic AI type (`pydanticai`, `pydanticai_azure`, ...).
        max_tokens: tokens the answer may have.
        timeout: seconds it may take, all of its tries together.

    Returns:
        A function of instructions and message. It raises `NarratorUnavailableError`, and nothing else.

    Example:
        >>> asker("llm_default", max_tokens=700)("Sum this up in a sentence.", "...")  # doctest: +SKIP
    """

    def ask(instructions: str, message: str) -> str:
        try:
            from airflow.providers.common.ai.hooks.pydantic_ai import PydanticAIHook
        except ImportError as error:
            raise NarratorUnavailableError(
                "narrator='llm' needs apache-airflow-providers-common-ai (Python 3.11 or later): "
                f"pip install 'airflow-dashboards[ai]' ({error})"
            ) from error
        try:
            # No tools, no retries with tools' results: one question, one answer.
            agent = PydanticAIHook.get_hook(llm_conn_id).create_agent(output_type=str, instructions=instructions)
            return asyncio.run(_within(timeout, agent, message, {"max_tokens": max_tokens, "timeout": timeout}))
        except asyncio.TimeoutError as error:
            raise NarratorUnavailableError(f"the model of {llm_conn_id!r} took longer than {timeout:g} s") from error
        except Exception as error:
            # A library's message may quote a key; Airflow knows the secrets of the connections this task has read.
            raise NarratorUnavailableError(
                f"the model of {llm_conn_id!r} did not answer: {type(error).__name__}: {redact(str(error))}"
            ) from None

    return ask


async def _within(timeout: float, agent: Any, message: str, settings: dict[str, Any]) -> str:
    answer = await asyncio.wait_for(agent.run(message, model_settings=settings), timeout)
    return str(answer.output)
