"""Every condition of a policy, compiled in its scope.

Promises each condition by its path in the policy, or a finding at the very character that is wrong. Leaves
the language to `rules.language`.
"""

from collections.abc import Iterator, Mapping

from rules.language import Condition, ConditionError, Vocabulary, compile_condition
from rules.policy.findings import Finding, Path
from rules.policy.nodes import Node, Scalar, position
from rules.policy.places import node_at
from rules.policy.vocabulary import Scopes
from schemas.policy import Conditions, Policy

Authored = tuple[Path, str, Vocabulary]


def compile_all(policy: Policy, scopes: Scopes, tree: Node) -> tuple[Mapping[Path, Condition], list[Finding]]:
    conditions: dict[Path, Condition] = {}
    findings: list[Finding] = []
    for path, source, vocabulary in authored(policy, scopes):
        try:
            conditions[path] = compile_condition(source, vocabulary)
        except ConditionError as error:
            findings += _findings(error, node_at(tree, path))
    return conditions, findings


def authored(policy: Policy, scopes: Scopes) -> Iterator[Authored]:
    """Every condition with its path and what it may name."""
    for name, source in policy.segments.items():
        yield ("segments", name), source, scopes.segments
    for name, source in policy.stages.items():
        yield ("stages", name), source, scopes.stages
    for at, rule in enumerate(policy.rules):
        if rule.condition is not None:
            yield ("rules", at, "condition"), rule.condition, scopes.rule(rule.when)
    for at, requirement in enumerate(policy.contact_policy.requirements):
        yield ("contact_policy", "requirements", at, "require"), requirement.require, scopes.everything
    for path, holder in inheriting(policy):
        for field in Conditions.model_fields:
            source = getattr(holder, field)
            if source is not None:
                yield (*path, field), source, scopes.everything


def inheriting(policy: Policy) -> Iterator[tuple[Path, Conditions]]:
    """What has eligible, applicable and suitable: offers, campaigns, programs, cells."""
    for at, offer in enumerate(policy.offers):
        yield ("offers", at), offer
    for at, campaign in enumerate(policy.campaigns):
        yield ("campaigns", at), campaign
        for nth, program in enumerate(campaign.programs):
            yield ("campaigns", at, "programs", nth), program
            for cell_at, cell in enumerate(program.cells):
                yield ("campaigns", at, "programs", nth, "cells", cell_at), cell


def _findings(error: ConditionError, node: Node) -> list[Finding]:
    return [
        Finding("error",
                node.position_inside(each.line, each.column) if isinstance(node, Scalar) else position(node),
                each.message, each.hint, "condition")
        for each in error.problems
    ]  # fmt: skip
