"""Kafka as the log. The only place that knows the client library, aiokafka."""
