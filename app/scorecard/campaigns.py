"""The campaigns that a scorecard knows: to say so when somebody asks for another one."""

from rules.policy.findings import nearest
from schemas.scorecard import Scorecard


def counted(campaign: str, everything: Scorecard) -> bool:
    return any(row.campaign == campaign for row in everything.rows)


def not_counted(campaign: str, everything: Scorecard) -> tuple[str, str]:
    """What to say of a campaign that nothing was counted for, and a hint."""
    known = sorted({row.campaign for row in everything.rows})
    hint = nearest(campaign, known) or "a campaign is in the scorecard from its first decision on"
    listed = f"; there are {', '.join(known)}" if known else ""
    return f"nothing was counted for a campaign `{campaign[:80]}`{listed}", hint
