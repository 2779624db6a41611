"""Every condition of a policy, compiled in its scope.

Promises each condition by its path in the policy, or a finding at the very character that is wrong. Leaves
the language to `rules.language`.
"""

from collections.abc import Iterator, Mapping

from rules.language import Condition, ConditionError, Problem, Vocabulary, compile_condition
from rules.policy.findings import Finding, Path
from rules.policy.mistakes import explained, unclosed
from rules.policy.nodes import Node, Scalar, position
from rules.policy.places import node_at
from rules.policy.quoting import HINT, cut_off_at
from rules.policy.scope import Scope
from rules.policy.vocabulary import Scopes
from schemas.catalogue import Conditions
from schemas.goals import Goal
from schemas.policy import Policy

OF_CONTACT = {
    "do_not_contact": "condition",
    "black_lists": "condition",
    "consents": "require",
    "requirements": "require",
}
"""The sections of the contact policy whose entries have a condition, and its field."""
Authored = tuple[Path, str, Vocabulary]


def compile_all(policy: Policy, scopes: Scopes, tree: Node) -> tuple[Mapping[Path, Condition], list[Finding]]:
    conditions: dict[Path, Condition] = {}
    findings: list[Finding] = []
    for path, source, vocabulary in authored(policy, scopes):
        try:
            conditions[path] = compile_condition(source, vocabulary)
        except ConditionError as error:
            scope = Scope(policy, path, vocabulary, scopes.everything)
            findings += findings_of(error, source, scope, node_at(tree, path))
    for name, score in scopes.compiled_scores.items():
        if isinstance(score, ConditionError):
            scope = Scope(policy, ("scores", name), scopes.scores, scopes.everything)
            findings += findings_of(score, policy.scores[name], scope, node_at(tree, ("scores", name)))
    return conditions, findings


def authored(policy: Policy, scopes: Scopes) -> Iterator[Authored]:
    """Every condition with its path and what it may name."""
    for name, source in policy.segments.items():
        yield ("segments", name), source, scopes.segments
    for name, stage in policy.stages.items():
        yield ("stages", name, "condition"), stage.condition, scopes.stages
    for name, source in policy.session.purposes.items():
        yield ("session", "purposes", name), source, scopes.purposes
    for at, rule in enumerate(policy.rules):
        if rule.condition is not None:
            yield ("rules", at, "condition"), rule.condition, scopes.rule(rule.judged_types)
    for section, field in OF_CONTACT.items():
        for at, each in enumerate(getattr(policy.contact_policy, section)):
            yield ("contact_policy", section, at, field), getattr(each, field), scopes.everything
    for name, expectation in policy.quality.items():
        yield ("quality", name, "expect"), expectation.expect, scopes.quality
    for path, goal in goals(policy):
        if goal.condition is not None:
            yield (*path, "condition"), goal.condition, scopes.goal(goal.when)
    for path, holder in inheriting(policy):
        for field in Conditions.model_fields:
            source = getattr(holder, field)
            if source is not None:
                yield (*path, field), source, scopes.everything


def goals(policy: Policy) -> Iterator[tuple[Path, Goal]]:
    """What has a goal: programs, cells, offers."""
    for path, holder in inheriting(policy):
        goal = getattr(holder, "goal", None)
        if isinstance(goal, Goal):
            yield (*path, "goal"), goal


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


def findings_of(error: ConditionError, source: str, scope: Scope, node: Node) -> list[Finding]:
    """Each problem of a condition at its character."""
    problems = [scope.explained(each, source) for each in explained(error.problems, source)]
    return [_finding(each, source, node) for each in problems]


def _finding(problem: Problem, source: str, node: Node) -> Finding:
    if not isinstance(node, Scalar):
        return Finding("error", position(node), problem.message, problem.hint, "condition")
    cut = cut_off_at(node) if unclosed(problem, source) else None
    if cut is not None:
        message = f"YAML ends the condition before this `{node.source.text[cut]}`"
        return Finding("error", node.source.position(cut), message, HINT, "condition")
    where = node.position_inside(problem.line, problem.column)
    return Finding("error", where, problem.message, problem.hint, "condition")
