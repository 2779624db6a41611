"""The scorecard: the counts that are committed with the ledgers, as rows, totals and comparisons."""

from app.scorecard.board import ScorecardReader, scorecard

__all__ = ["ScorecardReader", "scorecard"]
