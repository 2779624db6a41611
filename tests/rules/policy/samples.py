"""A small whole policy, and texts in which `§` marks the place that a finding must name."""

from rules.policy import Checked, Finding, Position, check

MARK = "§"

BASE = """\
policy: {name: bank, currency: EUR, time_zone: Europe/Lisbon}
interactions:
  call_started: {channel: call, fields: {age: int, job: string}, sets: [age]}
  purchase: {channel: branch, fields: {amount: double!, product: string}}
outcomes:
  presented: {class: impression}
  accepted: {class: positive, implies: [presented], ends: true}
  declined: {class: negative, implies: [presented], ends: true}
attributes: {age: int, since: timestamp}
features:
  calls_30d: {count: call_started, window: 30d}
  spend: {sum: event.amount, of: purchase}
  jobs: {recent: event.job, of: call_started, keep: 5}
  last_call: {last: event.time, of: call_started}
session: {features: {bought: {count: purchase}}}
context: {queue: string}
segments: {senior: customer.age >= 60}
stages: {lost: '"senior" in customer.segments'}
rules:
  - {id: ask, when: call_started, if: 'event.job == "cook"', propose: deposit, on: call, for: 24h}
campaigns:
  - id: spring
    programs:
      - id: calls
        cells:
          - {id: treated, share: 90, offers: [deposit], eligible: customer.age > 18}
          - {id: control, share: 10, holdout: true}
offers:
  - id: deposit
    name: Term deposit
    treatments: [{id: script, channel: call, placement: main, content: {script: Hello}}]
contact_policy:
  requirements: [{id: consent, require: size(customer.jobs) < 3}]
  cool_downs: [{after: declined, for: 90d}]
  caps: [{id: weekly, per: customer, at_most: 3, within: 7d}]
"""


def checked(text: str, base: str = BASE) -> tuple[Checked, list[Position]]:
    """Checks `case.yaml` beside the whole policy; also gives the places of the marks."""
    places: list[Position] = []
    while MARK in text:
        before, _, after = text.partition(MARK)
        places.append(Position("case.yaml", before.count("\n") + 1, len(before) - before.rfind("\n")))
        text = before + after
    files = {"case.yaml": text} | ({"base.yaml": base} if base else {})
    return check(files), places


def in_case(result: Checked) -> list[Finding]:
    return [finding for finding in result.findings if finding.position.file == "case.yaml"]
