"""What a streamed answer sends."""

import asyncio
from typing import Any


def streamed(answer: Any) -> bytes:
    """All of it; an answer that is not streamed has no ``streaming_content``."""

    async def whole() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    return asyncio.run(whole())
