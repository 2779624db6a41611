"""The bare loop: aiokafka, JSON decoded, the latest of each customer written with pipelined SETs. Nothing is guarded.

python -m bench.ingesting.bare <servers> <topic> <partitions> <messages> <redis>
"""

import sys
import time

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from profiles.connection import connected

MOST = 400


async def main(servers: str, topic: str, partitions: str, messages: str, redis_url: str) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(topic, number) for number in range(int(partitions))])
    done, wall, cpu = 0, 0.0, 0.0
    async with connected(redis_url) as redis:
        while done < int(messages):
            found = await consumer.getmany(timeout_ms=500, max_records=MOST)
            if not done:
                wall, cpu = time.perf_counter(), time.process_time()
            pipeline = redis.pipeline(transaction=False)
            for records in found.values():
                for record in records:
                    event = orjson.loads(record.value)
                    pipeline.set(f"bare:{event['subject']}", record.value)
                done += len(records)
            await pipeline.execute()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    await consumer.stop()
    print(orjson.dumps({"wall_s": wall, "cpu_s": cpu}).decode())


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
