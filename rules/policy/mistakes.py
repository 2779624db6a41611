"""What an author probably meant where a condition was refused, read off the source at the place of the problem.

Promises one problem for one mistake: the words and signs of other languages with what to write instead, and texts
that are not closed. What it does not know is left as it was said. Leaves names to `scope`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rules.language import Problem
from rules.policy.closed import TEXT

WORDS = {"and": "&&", "or": "||", "not": "!", "is": "==", "is not": "!=", "not in": "!(… in …)"}
SIGNS = {"=": "==", "===": "==", "!==": "!=", "=>": ">=", "=<": "<=", "<>": "!=", "&": "&&", "|": "||"}
KNOWN = "has(…)` or `!has(…)"  # what is not known is not null
CONSTANTS = {"True": "true", "False": "false", "TRUE": "true", "FALSE": "false", "None": KNOWN, "NULL": KNOWN}
WORD = re.compile(r"(is\s+not|not\s+in|and|or|not|is)\b", re.IGNORECASE)
NOT_BEHIND = re.compile(r"\bnot\s+$", re.IGNORECASE)
SIGN = re.compile(r"[=<>!&|]+")
CONSTANT = re.compile("|".join(rf"{word}\b" for word in CONSTANTS))
TYPOGRAPHIC = frozenset("“”„‘’«»")


def explained(problems: Iterable[Problem], source: str) -> list[Problem]:
    """The problems in better words. Beside a mistake of spelling, all else is an echo of the parser: it is left out."""
    lines = source.split("\n")
    said = list(problems)
    misspelt = [meant for each in said if (meant := _misspelt(each, lines))]
    return list(dict.fromkeys(misspelt)) or [_other_word(each, lines) for each in said]


def unclosed(problem: Problem, source: str) -> bool:
    """Whether a text begins at the problem and never ends."""
    line = source.split("\n")[problem.line - 1]
    return line[problem.column - 1 : problem.column] in ("'", '"') and not TEXT.match(line, problem.column - 1)


def _misspelt(problem: Problem, lines: Sequence[str]) -> Problem | None:
    """What the parser stumbled over, at its first character; None if it is nothing known."""
    line, at = lines[problem.line - 1], problem.column - 1
    if unclosed(problem, "\n".join(lines)):
        return replace(problem, message="the text that begins here is not closed", hint=f"end it with `{line[at]}`")
    if line[at : at + 1] in TYPOGRAPHIC:
        if TYPOGRAPHIC.intersection(line[:at]):
            return None  # the first of them says it
        message = f"`{line[at]}` is not a quotation mark of the language"
        return replace(problem, message=message, hint="write `\"` or `'`")
    if sign := next((each for each in SIGN.finditer(line) if each.start() <= at < each.end()), None):
        return _instead(problem, sign, SIGNS.get(sign[0]))
    if word := WORD.match(line, at):
        called = line[word.end() :].lstrip().startswith("(")  # the checker's word, and no echo of it
        return None if called and word[1].lower() == "not" else _instead(problem, word, WORDS[_folded(word)])
    behind = NOT_BEHIND.search(line[:at])
    return _instead(problem, behind, WORDS["not"]) if behind else None


def _other_word(problem: Problem, lines: Sequence[str]) -> Problem:
    """A word that the checker does not know and that stands for one of the language."""
    line, at = lines[problem.line - 1], problem.column - 1
    if constant := CONSTANT.match(line, at):
        return _instead(problem, constant, CONSTANTS[constant[0]]) or problem
    word = WORD.match(line, at)
    return _instead(problem, word, WORDS["not"]) or problem if word and _folded(word) == "not" else problem


def _instead(problem: Problem, found: re.Match[str], instead: str | None) -> Problem | None:
    if instead is None:
        return None
    shown = " ".join(found[0].split())
    message = f"`{shown}` is not a word of the language" if shown[0].isalpha() else f"`{shown}` is not an operator"
    return replace(problem, column=found.start() + 1, message=message, hint=f"write `{instead}`")


def _folded(word: re.Match[str]) -> str:
    return " ".join(word[0].lower().split())
