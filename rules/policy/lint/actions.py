"""What rules do: where messages and nudges go, whether there is something to say, and the facts in texts, also those
of treatments."""

from collections.abc import Iterator, Set

from rules.policy.desktops import desktops
from rules.policy.findings import Finding, Path, suggestion
from rules.policy.lint.rules import FIRING, known
from rules.policy.lint.subject import Check, Subject
from rules.policy.nodes import Scalar, position
from rules.policy.places import node_at
from rules.policy.vocabulary import DECLARING, Scopes
from rules.texts import WRITABLE, Part, parts
from schemas.policy import Policy, Rule
from schemas.triggers import Act


def doing(subject: Subject) -> Iterator[Finding]:
    """A rule proposes or acts; one that acts is fired by something."""
    for at, rule in known(subject):
        if not rule.propose and not rule.act:
            message = f"`{rule.id}` does nothing: a rule needs `propose` or `act`"
            yield subject.error(("rules", at), "missing-field", message)
        if rule.act and not rule.when:
            message = f"`act` needs `when`: nothing fires `{rule.id}`, so nothing is done"
            yield subject.error(("rules", at, "act"), "no-effect", message, FIRING)
        if not rule.propose and (rule.lifetime or rule.channels):
            key = "lifetime" if rule.lifetime else "channels"
            message = f"`{rule.id}` proposes nothing, so that this has no effect"
            yield subject.warning(("rules", at, key), "no-effect", message, "leave it out, or add `propose`")


def reaching(subject: Subject) -> Iterator[Finding]:
    """There is a treatment for the place that a message goes to, and a desktop for a nudge."""
    if not subject.sound("offers"):
        return
    for path, rule, act in _acts(subject.policy):
        if act.message:
            yield from _message(subject, path, rule, act)
        elif act.nudge:
            yield from _nudge(subject, path, act)


def _message(subject: Subject, path: Path, rule: Rule, act: Act) -> Iterator[Finding]:
    places = {offer.id: {(t.channel, t.placement) for t in offer.treatments} for offer in subject.policy.offers}
    anywhere: Set[tuple[str, str]] = set[tuple[str, str]]().union(*places.values())
    offered = {name: places[name] for name in rule.propose if name in places} if rule.propose else places
    if act.message not in {channel for channel, _ in anywhere}:
        hint = suggestion(str(act.message), sorted({channel for channel, _ in anywhere}))
        yield subject.error((*path, "message"), "unknown-channel", f"there is no channel `{act.message}`", hint)
    elif offered and (act.message, act.placement) not in set[tuple[str, str]]().union(*offered.values()):
        who = " or ".join(f"`{name}`" for name in rule.propose) or "no offer"
        message = f"{who} has no treatment for `{act.placement}` on `{act.message}`"
        yield subject.error((*path, "placement"), "no-treatment", message.replace("no offer has no", "no offer has a"))
    if rule.channels and act.message not in rule.channels:
        message = f"`on` keeps what `{rule.id}` proposes from `{act.message}`"
        yield subject.error((*path, "message"), "no-treatment", message, f"add `{act.message}` to `on`")


def _nudge(subject: Subject, path: Path, act: Act) -> Iterator[Finding]:
    channels = desktops(subject.policy).get(str(act.nudge), set())
    if not channels:
        message = f"no treatment uses the placement `{act.nudge}`"
        hint = suggestion(str(act.nudge), sorted(desktops(subject.policy)))
        yield subject.error((*path, "nudge"), "unknown-placement", message, hint)
    elif act.channel is None and len(channels) > 1:
        message = f"`{act.nudge}` is a placement of {' and '.join(f'`{each}`' for each in sorted(channels))}"
        yield subject.error((*path, "nudge"), "two-channels", message, "say which `channel`")
    elif act.channel is not None and act.channel not in channels:
        message = f"no treatment uses the placement `{act.nudge}` on `{act.channel}`"
        yield subject.error((*path, "channel"), "unknown-channel", message, suggestion(act.channel, sorted(channels)))


def texts(subject: Subject) -> Iterator[Finding]:
    """What stands in braces is a declared fact that can be written."""
    if not subject.sound(*DECLARING):
        return
    scopes = Scopes(subject.policy)
    for path, rule, act in _acts(subject.policy):
        for key in ("note", "text"):
            for part in parts(getattr(act, key)):
                types = scopes.rule(rule.judged_types).types
                wrong = _wrong(part, types.get(part.name), "this rule")
                if wrong:
                    hint = suggestion(part.name, types) if part.name else "write `{{` or `}}` for a brace"
                    yield _at(subject, (*path, key), part, wrong, hint)


def treatments(subject: Subject) -> Iterator[Finding]:
    """Likewise in the texts of treatments, which know what the conditions of offers know."""
    if not subject.sound(*DECLARING):
        return
    types = Scopes(subject.policy).everything.types
    for at, offer in enumerate(subject.policy.offers):
        for nth, treatment in enumerate(offer.treatments):
            for key, text in treatment.content.items():
                for part in parts(text):
                    path: Path = ("offers", at, "treatments", nth, "content", key)
                    if wrong := _wrong(part, types.get(part.name), "this treatment"):
                        hint = suggestion(part.name, types) if part.name else "write `{{` or `}}` for a brace"
                        yield _at(subject, path, part, wrong, hint)


def _wrong(part: Part, kind: str | None, knowing: str) -> str | None:
    if not part.name:
        return "a fact stands in braces, such as `{customer.id}`, and here is a brace alone"
    if kind is None:
        return f"`{part.name}` is not declared, or not known to {knowing}"
    return None if kind in WRITABLE else f"`{part.name}` is {kind} and cannot be written as text"


def _at(subject: Subject, path: Path, part: Part, message: str, hint: str | None) -> Finding:
    node = node_at(subject.tree, path)
    where = node.position_of(part.offset) if isinstance(node, Scalar) else position(node)
    return Finding("error", where, message, hint, "text")


def examples(subject: Subject) -> Iterator[Finding]:
    """An example waits for something that its rule does."""
    kinds = {rule.id: {act.kind for act in rule.act} for rule in subject.policy.rules}
    for at, example in enumerate(subject.policy.examples):
        for nth, action in enumerate(example.then.actions or ()):
            if action.kind not in kinds.get(action.rule, {action.kind}):
                message = f"`{action.rule}` has no action of the kind `{action.kind}`"
                path: Path = ("examples", at, "then", "actions", nth, "kind")
                yield subject.error(
                    path, "unknown-action", message, suggestion(action.kind, sorted(kinds[action.rule]))
                )


def _acts(policy: Policy) -> Iterator[tuple[Path, Rule, Act]]:
    for at, rule in enumerate(policy.rules):
        for nth, act in enumerate(rule.act):
            yield ("rules", at, "act", nth), rule, act


CHECKS: tuple[Check, ...] = (doing, reaching, texts, treatments, examples)
