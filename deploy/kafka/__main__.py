"""`python -m deploy.kafka`: a Kafka for a person, until Ctrl-C. Its data stay in `var/kafka/cluster-<nodes>`."""

import argparse
import shutil
import signal
import sys
import threading
from pathlib import Path

from deploy.kafka.cluster import KafkaCluster, is_free
from deploy.kafka.jars import CACHE, NoKafka, jars, jars_folder
from deploy.kafka.properties import HOST


def main() -> int:
    given = _arguments()
    ports = range(given.port, given.port + 2 * given.nodes)
    folder = given.folder or CACHE / f"cluster-{given.nodes}"
    try:
        return run(KafkaCluster(folder, given.nodes, ports), fresh=given.fresh)
    except NoKafka as cause:
        print(f"opportune: {cause}", file=sys.stderr)
        return 1


def run(cluster: KafkaCluster, *, fresh: bool) -> int:
    """Raises NoKafka."""
    taken = [port for each in cluster.nodes for port in (each.port, each.controller_port) if not is_free(port)]
    if taken:
        raise NoKafka(f"port {taken[0]} is in use; choose others with PORT=19092")
    if fresh:
        shutil.rmtree(cluster.folder, ignore_errors=True)
    if not jars_folder().is_dir():
        print("fetching Kafka's jars, once", flush=True)
    jars()
    enough = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: enough.set())
    cluster.start()
    print(announcement(cluster), flush=True)
    while not enough.wait(1.0):
        ended = {each.id for each in cluster.nodes} - cluster.running
        if ended:
            cluster.kill()
            raise NoKafka(f"node {min(ended)} has ended; its log is in {cluster.folder}")
    cluster.stop()
    return 0


def announcement(cluster: KafkaCluster) -> str:
    replication = min(3, len(cluster.nodes))
    return "\n".join(
        [
            "Kafka is up. Ctrl-C ends it; its data stay.",
            f"  data       {cluster.folder}",
            "In another terminal, for every Opportune command:",
            f"  export OPPORTUNE_KAFKA={cluster.servers} OPPORTUNE_KAFKA_REPLICATION={replication}",
            "  ./opportune topics",
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.kafka", description="A local Kafka, until Ctrl-C.")
    parser.add_argument("--nodes", type=int, default=1, choices=(1, 3), help="how many (1)")
    parser.add_argument("--port", type=int, default=9092, help=f"the first of two for each node, on {HOST} (9092)")
    parser.add_argument("--folder", type=Path, help="where data are kept (var/kafka/cluster-<nodes>)")
    parser.add_argument("--fresh", action="store_true", help="forget what is there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
