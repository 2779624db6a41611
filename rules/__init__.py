"""Pure judgement: the policy language, loading and checking policies, the rule set, and `decide`."""
