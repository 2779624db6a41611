"""`opportune rebuild`: the log folded again into a namespace of its own, compared with the live one, and put in its
place where they differ.

    run.py         the whole: one rebuild at a time, shard after shard
    second.py      the second namespace of a shard, folded by the production loop
    hold.py        a shard taken over from the workers for some seconds
    comparing.py   pure: what of two customers, timers and scorecards differs
    mending.py     the rebuilt in the place of the live, one customer after the other
    signed.py      pure: whether the log is signed as this process wants it
    report.py      what was found
"""

from app.rebuild.report import Report
from app.rebuild.run import Rebuild

__all__ = ["Rebuild", "Report"]
