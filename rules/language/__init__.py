"""The policy language: CEL, checked by Google's front end against the policy's own names, compiled to Python.

vocabulary = Vocabulary({"event.type": "string", "customer.spend_90d": "double"})
condition = compile_condition('event.type == "cart_abandoned" && customer.spend_90d > 100.0', vocabulary)
condition.holds({"event.type": "cart_abandoned", "customer.spend_90d": 120.0})
"""

from rules.language.condition import Condition, Expression, compile_condition, compile_expression
from rules.language.contradictions import holds_always, never_holds, never_together
from rules.language.explain import Explanation, explain
from rules.language.firsts import FirstFalse, Firsts
from rules.language.lacking import Lack, Lacking, Lacks, lacking, leaves, together
from rules.language.matcher import Matcher
from rules.language.problems import ConditionError, EvaluationError, Problem
from rules.language.program import Quick
from rules.language.runtime.logic import ERRORS
from rules.language.vocabulary import Vocabulary

__all__ = [
    "ERRORS",
    "Condition",
    "ConditionError",
    "EvaluationError",
    "Explanation",
    "Expression",
    "FirstFalse",
    "Firsts",
    "Lack",
    "Lacking",
    "Lacks",
    "Matcher",
    "Problem",
    "Quick",
    "Vocabulary",
    "compile_condition",
    "compile_expression",
    "explain",
    "holds_always",
    "lacking",
    "leaves",
    "never_holds",
    "never_together",
    "together",
]
