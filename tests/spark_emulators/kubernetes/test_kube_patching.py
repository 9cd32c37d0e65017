"""Patches, field sets and selectors, over wide inputs."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_emulators.kubernetes.api import quantities, selectors
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.patch import fieldsets, typed
from spark_emulators.kubernetes.patch.jsonpatch import apply_json_patch, apply_merge_patch
from spark_emulators.kubernetes.patch.managers import APPLY, Manager, apply
from spark_emulators.kubernetes.schemas.builtin import schema_of
from spark_emulators.kubernetes.schemas.types import ANY, Schema

KEYS = st.sampled_from("abcd")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("xy", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=4)
PATHS = st.lists(
    st.lists(st.sampled_from(["f:a", "f:b", "f:c"]), min_size=1, max_size=3).map(tuple)
)
SCHEMA = Schema(
    {
        "type": "object",
        "properties": {
            "map": {"type": "object", "additionalProperties": {"type": "integer"}},
            "set": {
                "type": "array",
                "items": {"type": "string"},
                "x-kubernetes-list-type": "set",
            },
            "parts": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "value": {"type": "integer"}},
                },
            },
        },
    },
    custom=True,
)
PART = st.fixed_dictionaries({"name": KEYS}, optional={"value": st.integers(0, 3)})
TYPED = st.fixed_dictionaries(
    {},
    optional={
        "map": st.dictionaries(KEYS, st.integers(0, 3), min_size=1),
        "set": st.lists(KEYS, unique=True, min_size=1),
        "parts": st.lists(PART, unique_by=lambda each: each["name"], min_size=1),
    },
)


def refusal(attempt):
    """The code of the refusal of an attempt; None where it worked."""
    try:
        attempt()
    except ApiError as error:
        return error.code
    return None


@given(PATHS, PATHS)
def test_field_sets_are_sets(left, right):
    one, two = fieldsets.from_paths(left), fieldsets.from_paths(right)

    def as_set(tree):
        return set(fieldsets.paths(tree))

    assert as_set(one) == set(left)
    assert as_set(fieldsets.union(one, two)) == set(left) | set(right)
    assert as_set(fieldsets.difference(one, two)) == set(left) - set(right)
    assert as_set(fieldsets.intersection(one, two)) == set(left) & set(right)


@given(OBJECTS)
def test_a_comparison_with_itself_finds_nothing(value):
    found = typed.compare(value, json.loads(json.dumps(value)), ANY)
    assert (found.added, found.modified, found.removed) == ({}, {}, {})


@given(TYPED, TYPED)
def test_a_merge_says_what_was_configured(live, config):
    merged = typed.merge(live, config, SCHEMA)
    assert typed.merge(merged, config, SCHEMA) == merged
    said = typed.fields_of(config, SCHEMA)
    assert fieldsets.difference(said, typed.fields_of(merged, SCHEMA)) == {}


def applied(live, managers, name, config, force=True):
    writer = Manager(name, APPLY, "v1", "", {}, "now")
    return apply(live, config, SCHEMA, managers, writer, force=force)


@given(TYPED)
def test_an_apply_of_nothing_takes_all_back(config):
    live, managers = applied({}, [], "one", config)
    assert live == config
    again, same = applied(live, managers, "one", config)
    assert (again, same) == (live, managers)
    left, nobody = applied(live, managers, "one", {})
    assert (left, nobody) == ({}, [])


@given(TYPED, TYPED)
def test_two_appliers_leave_nothing_behind(one, two):
    live, managers = applied({}, [], "one", one)
    live, managers = applied(live, managers, "two", two)
    live, managers = applied(live, managers, "one", {})
    said = typed.fields_of(two, SCHEMA)
    assert fieldsets.difference(said, typed.fields_of(live, SCHEMA)) == {}
    live, managers = applied(live, managers, "two", {})
    assert (live, managers) == ({}, [])


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_leads_from_one_to_the_other(source, target):
    def without_nulls(value):
        if isinstance(value, dict):
            return {key: without_nulls(each) for key, each in value.items() if each is not None}
        return value

    def difference(old, new):
        patch = {key: None for key in old if key not in new}
        for key, each in new.items():
            before = old.get(key)
            both = isinstance(each, dict) and isinstance(before, dict)
            patch[key] = difference(before, each) if both else each
        return patch

    old, new = without_nulls(source), without_nulls(target)
    assert apply_merge_patch(old, difference(old, new)) == new


@given(OBJECTS, st.lists(st.fixed_dictionaries({
    "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
    "path": st.sampled_from(["", "/a", "/a/0", "/a/-", "/b/c", "/a~1b", "x"]),
}, optional={"value": JSON, "from": st.sampled_from(["/a", "/b", ""])}), max_size=4))  # fmt: skip
def test_a_json_patch_works_or_is_refused(value, patch):
    assert refusal(lambda: apply_json_patch(value, patch)) in (None, 400, 413, 422)


@given(st.text("ab=!,()<> inot", max_size=14))
def test_any_text_is_a_selector_or_refused(text):
    for parse in (selectors.parse_labels, selectors.parse_fields):
        assert refusal(lambda parse=parse: parse(text)) in (None, 400)


@given(st.dictionaries(KEYS, st.sampled_from(["", "x", "1"])), KEYS, st.sets(st.sampled_from("x1")))
def test_in_and_notin_are_opposites(labels, key, values):
    listed = ",".join(sorted(values))
    (inside,) = selectors.parse_labels(f"{key} in ({listed})")
    (outside,) = selectors.parse_labels(f"{key} notin ({listed})")
    assert inside.matches(labels) != outside.matches(labels)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("0.5", "500m"), ("1000m", "1"), ("1024Mi", "1Gi"), ("1000Mi", "1000Mi"), ("1e3", "1e3"),
     ("0", "0"), ("1.5Gi", "1536Mi"), ("100k", "100k"), ("1000k", "1M"), ("0.1", "100m"),
     ("-2", "-2"), ("1E", "1E"), ("123", "123")],
)  # fmt: skip
def test_quantities_are_canonical(text, canonical):
    assert quantities.canonical(text) == canonical


@given(st.integers(0, 10**12), st.sampled_from(["", "m", "k", "Ki", "Mi", "G", "n"]))
def test_a_canonical_quantity_is_the_same_number(number, suffix):
    text = f"{number}{suffix}"
    canonical = quantities.canonical(text)
    assert quantities.parse(canonical) == quantities.parse(text)
    assert quantities.canonical(canonical) == canonical


@pytest.mark.parametrize("text", ["", "x", "1x", "1.2.3", "Mi", "1 Gi", "--1"])
def test_what_is_no_quantity(text):
    with pytest.raises(ValueError, match="quantities must match"):
        quantities.parse(text)


def test_a_built_in_schema_is_resolved_where_it_is_used():
    pod = schema_of("", "v1", "Pod")
    containers = pod.field("spec").field("containers")
    assert (containers.list_type, containers.list_keys) == ("map", ("name",))
    assert (containers.merge_key, containers.strategies) == ("name", {"merge"})
    assert containers.items.field("resources").field("limits").additional.type == "quantity"
