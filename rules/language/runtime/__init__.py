"""What the generated code calls where a plain Python operator does not have CEL's meaning.

Every function takes and returns plain values and raises `Failure` where CEL has an evaluation error. Nothing
here knows the tree, the generator or the facts.
"""
