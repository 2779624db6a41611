"""The life of a policy: draft, approved by somebody else, scheduled or live, rolled back; every step in a log.

`book` is what is kept, `steps` what may be done to it (pure), `running` does it: reads the book, takes the step, and
writes the new book with the log's entry if nobody has changed it meanwhile (profiles/registry.py: `change`). `judging`
is what the files of a policy are asked before, and `policies` what the API and the commands call: it checks first, and
shows what came of it.
"""
