"""The moments of a policy: the `at` of its rules, compiled.

Promises each by its path, or a finding at the very character that is wrong; each is a time.
"""

from collections.abc import Mapping

from rules.language import ConditionError, Expression, Problem, compile_expression
from rules.policy.conditions import findings_of
from rules.policy.findings import Finding, Path
from rules.policy.nodes import Node
from rules.policy.places import node_at
from rules.policy.scope import Scope
from rules.policy.vocabulary import Scopes
from schemas.policy import Policy

EXAMPLES = 'an attribute of type timestamp, or `customer.contract_end - duration("720h")`'


def compile_moments(policy: Policy, scopes: Scopes, tree: Node) -> tuple[Mapping[Path, Expression], list[Finding]]:
    moments: dict[Path, Expression] = {}
    findings: list[Finding] = []
    for index, rule in enumerate(policy.rules):
        source = rule.timing.at if rule.timing else None
        if source is not None:
            path: Path = ("rules", index, "when", "at")
            try:
                moments[path] = _compiled(source, scopes)
            except ConditionError as error:
                scope = Scope(policy, path, scopes.times, scopes.everything)
                findings += findings_of(error, source, scope, node_at(tree, path))
    return moments, findings


def _compiled(source: str, scopes: Scopes) -> Expression:
    """Raises ConditionError."""
    expression = compile_expression(source, scopes.times)
    if expression.result_type != "timestamp":
        message = f"`at` must be a time, and this is of type {expression.result_type}"
        raise ConditionError((Problem(message, hint=EXAMPLES),))
    return expression
