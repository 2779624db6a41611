"""One count per key, kept by quixstreams in its state store: a process of its own, with packages of its own.

    quix.py <servers> <topic> <messages> <folder of its state>

As it comes: JSON decoded, RocksDB, changelog topic, at least once. Prints `{"wall_s": …, "cpu_s": …}` from the first
message to the last, checkpoint included. A script, since quixstreams wants older packages than ours.
"""

import json
import sys
import time

from quixstreams import Application  # type: ignore[import-not-found]

servers, topic, messages, state = sys.argv[1:]
app = Application(
    broker_address=servers,
    consumer_group=f"quix-{time.time_ns()}",
    auto_offset_reset="earliest",
    state_dir=state,
    loglevel="WARNING",
)
began: list[float] = []


def count(_, state):  # type: ignore[no-untyped-def]
    if not began:
        began.extend((time.perf_counter(), time.process_time()))
    state.set("count", state.get("count", 0) + 1)


app.dataframe(app.topic(topic, key_deserializer="str", value_deserializer="json")).update(count, stateful=True)
app.run(count=int(messages))
print(json.dumps({"wall_s": time.perf_counter() - began[0], "cpu_s": time.process_time() - began[1]}))
