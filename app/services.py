"""What the API calls: the services of one process, joined by app/bootstrap.py."""

from dataclasses import dataclass

from app.actions import Actions
from app.answering import Answering
from app.availability import Availability
from app.customers import Customers
from app.decisioning import Decisioning
from app.erasing import Erasing
from app.explaining import Explaining
from app.identities import Identities
from app.ingestion import Ingestion
from app.keys import Verifier
from app.lifecycle.policies import Policies
from app.metrics import Metrics
from app.responding import Responding
from app.scorecard import ScorecardReader
from app.status import Status


@dataclass(frozen=True, slots=True)
class Services:
    ingestion: Ingestion
    decisioning: Decisioning
    answering: Answering
    explaining: Explaining
    responding: Responding
    customers: Customers
    actions: Actions
    identities: Identities
    erasing: Erasing
    scorecard: ScorecardReader
    policies: Policies
    status: Status
    keys: Verifier
    store: Availability
    metrics: Metrics
