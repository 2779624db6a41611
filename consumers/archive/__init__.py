"""The archive: the log as Parquet files, each record once (docs/archive.md, ADR 33).

cutting.py    pure: where a file begins and ends follows from the log alone
names.py      pure: a file's name says which offsets it holds
rows.py       pure: a record as a row
layout.py     the schema of each topic's files
place.py      where the files are: a folder or S3
draft.py      a file that is being written
file_writer.py  the next file of a partition
archiver.py   the role `archive` of a worker
survey.py     pure: which offsets the files hold, what is missing, what is double
"""

ARCHIVED = ("interactions", "decisions", "responses", "identities", "erasures")
"""The topics that are archived: all that is folded."""
GROUP = "opportune-archive"
