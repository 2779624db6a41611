"""Apache Kafka on this machine, without Docker: from Maven's artefacts, in KRaft mode, one node or several.

For development, tests and benchmarks: every node listens on the loopback address only, and without encryption.
"""
