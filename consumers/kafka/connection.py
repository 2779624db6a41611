"""How the cluster is reached: brokers, TLS, credentials; and what the client library must have with it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consumers.kafka.errors import LogMisfit, LogUnavailable

REQUEST_TIMEOUT_MS = 10_000
START_WITHIN_S = 5.0
CHECK = (
    "is it running, and do OPPORTUNE_KAFKA_SECURITY_PROTOCOL, user and password fit? What aiokafka has logged says why"
)
"""It keeps the reason to itself, also a wrong password or an unknown certificate, and raises one error for all."""


@dataclass(frozen=True, slots=True)
class Connection:
    servers: tuple[str, ...]
    """`host:port` of some brokers; the others are learned from them."""
    protocol: str = "plaintext"
    """plaintext, ssl, sasl_plaintext or sasl_ssl."""
    mechanism: str = "scram-sha-512"
    username: str = ""
    password: str = field(default="", repr=False)
    cafile: Path | None = None
    """Who signs the brokers' certificates; None: whom the system trusts."""
    certfile: Path | None = None
    """Our own certificate, where brokers ask for it."""
    keyfile: Path | None = None
    secret: str = field(default="", repr=False)
    """With which our own records are signed (ours.py); empty for none."""

    @property
    def encrypted(self) -> bool:
        return self.protocol.endswith("ssl")

    @property
    def authenticated(self) -> bool:
        return self.protocol.startswith("sasl")

    def options(self) -> dict[str, Any]:
        """What every client of aiokafka takes. Raises LogMisfit for certificates that cannot be read."""
        options: dict[str, Any] = {
            "bootstrap_servers": list(self.servers),
            "client_id": "opportune",
            "security_protocol": self.protocol.upper(),
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
        }
        if self.encrypted:
            options["ssl_context"] = self._ssl_context()
        if self.authenticated:
            options["sasl_mechanism"] = self.mechanism.upper()
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password
        return options

    def _ssl_context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.cafile)
            if self.certfile is not None:
                context.load_cert_chain(self.certfile, self.keyfile, password=_no_password)
        except (OSError, ValueError) as cause:  # OSError: a file that is missing, or not what it should be
            files = ", ".join(str(each) for each in (self.cafile, self.certfile, self.keyfile) if each)
            raise LogMisfit(f"the certificates for Kafka cannot be used: {cause}", hint=f"see {files}") from cause
        return context


def _no_password() -> str:
    """Instead of OpenSSL's question on the terminal."""
    raise ValueError("the private key is encrypted; give one that is not, readable by this user only")


def require_fast_client() -> None:
    """Raises LogMisfit where aiokafka runs without its C extension: twenty times slower."""
    from aiokafka.record import default_records

    if "_crecords" not in default_records.DefaultRecordBatch.__module__:
        hint = "install its wheel for this platform; unset AIOKAFKA_NO_EXTENSIONS"
        raise LogMisfit("aiokafka runs without its C extension, twenty times slower", hint=hint)


async def started(client: Any) -> None:
    """Starts a client of aiokafka. Who is cancelled meanwhile goes when it has started, or after START_WITHIN_S:
    aiokafka itself, cancelled while it gets to know the cluster, would leave a connection open."""
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting}, timeout=START_WITHIN_S)
        if not starting.cancel() and not starting.cancelled():
            starting.exception()  # it is known now, and of no interest
        raise


@asynccontextmanager
async def trouble_named(servers: tuple[str, ...], within_s: float) -> AsyncIterator[None]:
    """Bounds what is done with Kafka, and says its troubles as ours. Raises LogUnavailable."""
    from aiokafka import errors

    where = ",".join(servers)
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError as cause:
        raise LogUnavailable(f"Kafka at {where} has not answered within {within_s:g} s", hint=CHECK) from cause
    except (errors.KafkaError, OSError) as cause:
        raise LogUnavailable(f"Kafka at {where}: {cause}", hint=CHECK) from cause
    except RuntimeError as cause:
        if not is_closed(cause):
            raise
        raise LogUnavailable(f"Kafka at {where} has closed the connection", hint=CHECK) from cause


def is_closed(cause: BaseException) -> bool:
    """uvloop says so to whoever writes to a connection that has just been closed. aiokafka expects an OSError there, as
    of asyncio's own loop, and lets this one through."""
    return type(cause) is RuntimeError and "the handler is closed" in str(cause)
