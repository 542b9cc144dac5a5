"""Runs in the environment of `arcade-posthog-api`, not in ours: calls its tools as an agent's runtime would.

One JSON call per line in, `{"tool": ..., "arguments": {...}}`; one JSON answer per line out.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import arcade_posthog_api.tools as tools
from arcade_tdk import ToolContext
from arcade_tdk.errors import ToolRuntimeError

SECRETS = ("POSTHOG_SERVER_URL", "POSTHOG_PERSONAL_API_KEY")


async def main() -> None:
    context = ToolContext(secrets=[{"key": name, "value": os.environ[name]} for name in SECRETS])
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer = {"answer": await getattr(tools, call["tool"])(context, **call["arguments"])}
        except ToolRuntimeError as error:
            answer = {"error": str(error), "details": error.developer_message}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


asyncio.run(main())
