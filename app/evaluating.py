"""`opportune eval`: tries a condition on a customer, or on facts given as JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from app.bootstrap import Parts, opened
from app.checking import check_folder
from app.errors import StartError
from app.settings import Settings
from consumers.live import LivePolicy
from profiles.facts import FactReader, Situation
from profiles.people import People
from rules.language import ConditionError, Vocabulary
from rules.language.cases import Trial, run_case_file, try_expression
from rules.language.given import NotAFactError, facts_from, inferred
from rules.policy import check
from schemas.base import at_ms


def run_cases(path: Path) -> tuple[bool, list[str]]:
    """Whether every case passed, and what to say. Raises StartError."""
    try:
        report = run_case_file(path)
    except (OSError, ValueError) as cause:
        raise StartError(f"{path} is no file of cases: {cause}") from cause
    return not report.failures, report.lines()


def trial_of_json(source: str, text: bytes, folder: Path | None) -> Trial:
    """With a policy the names and types are its own, otherwise those of the document. Raises StartError."""
    document = _document(text)
    vocabulary = Vocabulary(_of_folder(folder).ruleset.types) if folder else inferred(document)
    try:
        return _tried(source, vocabulary, facts_from(document, vocabulary))
    except NotAFactError as cause:
        raise StartError(str(cause)) from cause


async def trial_of_customer(source: str, subject: str, channel: str, folder: Path | None, settings: Settings) -> Trial:
    """On what is known of somebody now, by the live policy or the folder's. Raises StartError and store errors."""
    now_ms = at_ms(datetime.now(UTC))
    async with opened(settings) as parts:
        policy = _of_folder(folder) if folder else await _live(parts)
        person = await People(parts.store).read([subject], policy.definition)
    reader = FactReader(policy.definition, policy.ruleset.types)
    values = policy.ruleset.classified(
        reader.read(Situation(person.subject, person.profile(policy.definition), channel, now_ms))
    )
    return _tried(source, Vocabulary(policy.ruleset.types), values)


def _tried(source: str, vocabulary: Vocabulary, facts: Mapping[str, Any]) -> Trial:
    try:
        return try_expression(source, vocabulary, facts)
    except ConditionError as refused:
        problems = (f"{each.line}:{each.column}: {each.message}" for each in refused.problems)
        hints = (each.hint for each in refused.problems if each.hint)
        raise StartError("; ".join(problems), hint="; ".join(hints)) from refused


def _document(text: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(text or b"{}")
    except orjson.JSONDecodeError as cause:
        raise StartError(f"standard input is not JSON: {cause}") from cause
    if not isinstance(document, dict):
        raise StartError("standard input must be a JSON object of facts")
    return document


def _of_folder(folder: Path) -> LivePolicy:
    try:
        policy = check_folder(folder, at_ms(datetime.now(UTC))).policy
    except OSError as cause:
        raise StartError(str(cause)) from cause
    if policy is None:
        raise StartError("the policy has errors", hint=f"opportune check {folder}")
    return policy


async def _live(parts: Parts) -> LivePolicy:
    revision = await parts.policies.live_revision()
    if revision is None:
        raise StartError("no policy is live", hint="opportune publish FOLDER, or name one with --policy")
    return LivePolicy.compiled(check(await parts.policies.files(revision)))
