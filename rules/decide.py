"""`decide`: the next best action. This is the one place where a decision is made.

Pure: the same facts, rule set, models, time and seed give the same judgement, whoever asks: the API, the
written examples of a policy, rehearsal or replay.

    candidates            what live rules propose and offers that are always on
    live, worded          what can be made now, at this place
    eligible, applicable, suitable
    contact policy        lists, consent, requirements, quiet hours, channels, suppression, cool-downs, caps; stock
    cell                  held out (of all programs, or of this one), or another cell's offer
    arbitration           scores
    slots                 best first, no offer twice, what excludes another, diversity; caps and stock count what was
                          just chosen
"""

from collections.abc import Iterator, Sequence

from rules.arbitration import Models, Scored, ranked
from rules.contact import ContactState
from rules.defaults import filled
from rules.funnel import Funnel, is_held_out
from rules.judgement import Choice as Choice
from rules.judgement import HeldBack as HeldBack
from rules.judgement import Judgement as Judgement
from rules.left_out import Fallen, left_out
from rules.left_out import LeftOut as LeftOut
from rules.places import Group, Place
from rules.proposed import Proposed
from rules.proposing import proposed
from rules.ruleset import RuleSet
from rules.slots import Slots
from rules.stock import Stock
from rules.weighed import Weighed as Weighed
from schemas.decision import DefaultTreatment, Facts


def decide(facts: Facts, ruleset: RuleSet, models: Models, now_ms: int, seed: int) -> Judgement:
    return judged(weighed(facts, ruleset, models, now_ms, seed))


def weighed(facts: Facts, ruleset: RuleSet, models: Models, now_ms: int, seed: int) -> Weighed:
    values = ruleset.classified(facts.values)
    found = proposed(facts, ruleset, values, now_ms)
    contact = ContactState(
        ruleset.contact_policy,
        ruleset.requirements,
        ruleset.contact,
        facts.ledger,
        facts.channel,
        now_ms,
        ruleset.contact.zone_of(values),
        sum([count for _, count in facts.placements]),
        found.continuing,
    )
    stock = Stock(facts.stock, ruleset.supplies, found.handed)
    held_out = ruleset.holdout is not None and is_held_out(facts, ruleset.holdout)
    funnel = Funnel(facts, ruleset, values, contact, now_ms, stock, found.settled, held_out, found.handed)
    place = ruleset.places.at(facts.channel, tuple([name for name, _ in facts.placements]))
    surviving: list[Scored] = []
    fallen: list[Fallen] = []
    for group in _groups(place, found):
        funnel.judge(group, surviving, fallen)
    for candidate in [each for offer in found.settled for each in ruleset.by_offer.get(offer, ())]:
        refusal = funnel.refusal(candidate)
        assert refusal is not None  # that it is settled, if nothing comes before
        fallen.append(left_out(candidate, *refusal))
    candidates = [each.candidate for each in surviving]
    propensities = models.propensity(candidates, values)
    order = ranked(surviving, found.pushed, propensities, ruleset.arbitration, seed)
    return Weighed(funnel, found.pushed, order, propensities, candidates, fallen)


def _groups(place: Place, found: Proposed) -> Iterator[Group]:
    yield place.always
    for offer in found.besides:
        group = place.of(offer)
        if group is not None:
            yield group


def judged(weighed: Weighed) -> Judgement:
    """Fills the slots; what is chosen is noted in the funnel's contact state."""
    slots = Slots(weighed.funnel.facts, weighed.funnel)
    slots.fill(weighed.order)
    return Judgement(
        choices=tuple(slots.choices),
        fallen=(*weighed.fallen, *slots.fallen),
        held_back=tuple(slots.held_back),
        holdout=weighed.funnel.holdout,
        defaults=_defaults(weighed.funnel, slots.choices),
    )


def _defaults(funnel: Funnel, choices: Sequence[Choice]) -> tuple[DefaultTreatment, ...]:
    ruleset, facts = funnel.ruleset, funnel.facts
    if not ruleset.defaults:
        return ()
    taken = {each.placement for each in choices}
    empty = [name for name, _ in facts.placements if name not in taken]
    return filled(ruleset.defaults, facts.channel, empty, ruleset.contact.language_of(funnel.values))
