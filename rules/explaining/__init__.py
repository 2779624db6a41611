"""Why a decision came out as it did, from its record alone: the very `decide` is run again and looked into.

opened(record, ruleset, models)    the case
full(case, models)                 for analysts
spoken(case)                       for agents, in sentences that may be read aloud
"""

from rules.explaining.case import Case, opened
from rules.explaining.full import full
from rules.explaining.spoken import spoken

__all__ = ["Case", "full", "opened", "spoken"]
