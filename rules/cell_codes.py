"""Printed codes of cells: with the customer, they stand for what was decided for this customer in that cell.

Read like response codes: case, spaces and dashes do not matter.
"""

from collections.abc import Mapping

from schemas.policy import Policy

CellPlace = tuple[str, str, str]
"""campaign, program, cell"""
LEFT_OUT = str.maketrans({"-": None, " ": None})


def read_code(given: str) -> str:
    """The code as it is looked up."""
    return given.upper().translate(LEFT_OUT)


def places_of(policy: Policy) -> Mapping[str, CellPlace]:
    return {
        read_code(cell.code): (campaign.id, program.id, cell.id)
        for campaign in policy.campaigns
        for program in campaign.programs
        for cell in program.cells
        if cell.code is not None
    }
