"""The production application in a process of its own, with the two baselines beside it.

    python -m bench.load.app [workers]      prints the URL, then serves as `opportune serve` does

`POST /bench/json` decodes the body that a decision is asked with and answers with JSON of an answer's size; `POST
/bench/mget` awaits one MGET of a profile-sized value before. Both are Starlette routes in front of all others, so that
nothing is tried before they match. What they answer is in the file that `BENCH_ANSWER` names.
"""

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import serving
from app.bootstrap import redis_url
from app.settings import Settings
from profiles.connection import connect

VALUE = "bench:profile"
"""The key of what `/bench/mget` reads."""


def api() -> FastAPI:
    made = serving.api()
    redis = connect(redis_url(Settings.from_env(os.environ)))

    async def decoded(request: Request) -> Response:
        orjson.loads(await request.body())
        return Response(orjson.dumps(_answer()), media_type="application/json")

    async def read(request: Request) -> Response:
        orjson.loads(await request.body())
        await redis.mget(VALUE)
        return Response(orjson.dumps(_answer()), media_type="application/json")

    made.router.routes[:0] = [
        Route("/bench/json", decoded, methods=["POST"]),
        Route("/bench/mget", read, methods=["POST"]),
    ]
    return made


@cache
def _answer() -> Any:
    return orjson.loads(Path(os.environ["BENCH_ANSWER"]).read_bytes())


if __name__ == "__main__":
    bound = serving.listening("127.0.0.1", 0)
    print(serving.url_of(bound), flush=True)
    serving.serve(bound, workers=int(sys.argv[1]) if len(sys.argv) > 1 else 1, application="bench.load.app:api")
