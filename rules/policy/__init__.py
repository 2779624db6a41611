"""Policy folders: read, checked, every finding with its place.

checked = check(read_folder("examples/bank_contact_centre/policy"))
for finding in checked.findings:
    print(finding)  # campaigns.yaml:12:15: error: … (hint: …)
"""

from rules.policy.checked import Checked
from rules.policy.findings import Finding, Path, Position, Severity
from rules.policy.load import FolderError, check, read_folder, revision
from rules.policy.vocabulary import Scopes

__all__ = [
    "Checked",
    "Finding",
    "FolderError",
    "Path",
    "Position",
    "Scopes",
    "Severity",
    "check",
    "read_folder",
    "revision",
]
