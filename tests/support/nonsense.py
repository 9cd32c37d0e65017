"""Values that nobody should send, as hypothesis strategies: anything at all, or nearly right."""

import json
from urllib.parse import quote

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as some

scalars = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(),
    some.sampled_from([2**63, -(2**70), 1e308, 0.5, "", "1", "10Gi", "-1", "\0", "x" * 99]),
    some.text(max_size=10),
)  # fmt: skip


def asked(times):
    """The same examples in every run."""
    return settings(
        max_examples=times,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def anything(keys, leaves=scalars):
    """JSON of any shape, with such keys."""
    return some.recursive(
        leaves,
        lambda inner: some.one_of(
            some.lists(inner, max_size=3), some.dictionaries(keys, inner, max_size=4)
        ),
        max_leaves=12,
    )


@some.composite
def bent(draw, sound, by):
    """A sound value with one part replaced by what ``by`` gives."""
    place = value = json.loads(json.dumps(sound))
    while True:
        steps = list(place) if isinstance(place, dict) else list(range(len(place)))
        step = draw(some.sampled_from(steps))
        deeper = isinstance(place[step], (dict, list)) and place[step]
        if not deeper or draw(some.integers(0, 3)) == 0:
            place[step] = draw(by)
            return value
        place = place[step]


def quoted(text):
    """A part of a path; its percent signs stay as they are."""
    return quote(text.encode("utf-8", "replace"), safe="%")
