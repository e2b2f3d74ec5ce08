"""Schemas of custom kinds: pruning, defaults, validation, formats, JSONPath and rules, as tables."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from nsorch.resources.cel import CelError, compile_rule, uses
from nsorch.resources.custom import jsonpath
from nsorch.resources.custom.checking import check, check_value
from nsorch.resources.custom.defaulting import apply_defaults
from nsorch.resources.custom.formats import fits
from nsorch.resources.custom.object import model_of, whole_numbers
from nsorch.resources.custom.pruning import prune, prune_nulls
from nsorch.resources.custom.rules import check_rules, escaped
from nsorch.resources.custom.structural import check_structural

STRING = {"type": "string"}


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


KEEPS: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


@pytest.mark.parametrize(
    ("schema", "document", "left", "dropped"),
    [
        (obj(a=STRING), {"a": "x", "b": 1, "metadata": {"name": "n"}}, {"a": "x", "metadata": {"name": "n"}}, ["b"]),
        (obj(a=obj(b=STRING)), {"a": {"b": "x", "c": {"d": 1}}}, {"a": {"b": "x"}}, ["a.c"]),
        (obj(a=KEEPS), {"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 1}}}, []),
        (
            obj(a={**KEEPS, "properties": {"b": obj()}}),
            {"a": {"b": {"c": 1}, "d": 1}},
            {"a": {"b": {}, "d": 1}},
            ["a.b.c"],
        ),
        (
            obj(a={"type": "object", "additionalProperties": obj(b=STRING)}),
            {"a": {"k": {"b": "x", "c": 1}}},
            {"a": {"k": {"b": "x"}}},
            ["a.k.c"],
        ),
        (
            obj(a={"type": "array", "items": obj(b=STRING)}),
            {"a": [{"b": "x"}, {"c": 1}]},
            {"a": [{"b": "x"}, {}]},
            ["a[1].c"],
        ),
        (
            obj(a={**obj(spec=STRING), "x-kubernetes-embedded-resource": True}),
            {"a": {"apiVersion": "v1", "kind": "X", "metadata": {"name": "n"}, "other": 1}},
            {"a": {"apiVersion": "v1", "kind": "X", "metadata": {"name": "n"}}},
            ["a.other"],
        ),
    ],
)
def test_pruning(schema: Any, document: Any, left: Any, dropped: list[str]) -> None:
    assert prune(document, schema) == dropped
    assert document == left


@pytest.mark.parametrize(
    ("schema", "value", "wanted"),
    [
        (obj(a={**STRING, "default": "x"}), {}, {"a": "x"}),
        (obj(a={**STRING, "default": "x"}), {"a": "y"}, {"a": "y"}),
        (obj(a={**STRING, "default": "x"}), {"a": None}, {"a": "x"}),
        (obj(a={**STRING, "default": "x", "nullable": True}), {"a": None}, {"a": None}),
        (obj(a=STRING), {"a": None}, {}),
        (obj(a={**STRING, "nullable": True}), {"a": None}, {"a": None}),
        (obj(a=obj(b={**STRING, "default": "x"})), {}, {}),
        (obj(a={**obj(b={**STRING, "default": "x"}), "default": {}}), {}, {"a": {"b": "x"}}),
        (obj(a={"type": "array", "items": obj(b={**STRING, "default": "x"})}), {"a": [{}]}, {"a": [{"b": "x"}]}),
        (
            obj(a={"type": "object", "additionalProperties": {**STRING, "default": "x"}}),
            {"a": {"k": None}},
            {"a": {"k": "x"}},
        ),
    ],
)
def test_nulls_and_defaults(schema: Any, value: Any, wanted: Any) -> None:
    prune_nulls(value, schema)
    apply_defaults(value, schema)
    assert value == wanted


@pytest.mark.parametrize(
    ("schema", "value", "messages"),
    [
        ({"type": "integer"}, 1.5, ['v: Invalid value: "number": v in body must be of type integer: "number"']),
        ({"type": "integer"}, 2.0, []),
        ({"type": "number"}, 2, []),
        ({"type": "boolean"}, 1, ['v: Invalid value: "integer": v in body must be of type boolean: "integer"']),
        (STRING, None, ['v: Invalid value: "null": v in body must be of type string: "null"']),
        ({**STRING, "nullable": True}, None, []),
        ({**STRING, "enum": ["a", "b"]}, "c", ['v: Unsupported value: "c": supported values: "a", "b"']),
        ({**STRING, "maxLength": 2}, "abc", ["v: Too long: may not be more than 2 bytes"]),
        ({**STRING, "minLength": 2}, "a", ['v: Invalid value: "a": v in body should be at least 2 chars long']),
        ({**STRING, "pattern": "^a"}, "b", ["v: Invalid value: \"b\": v in body should match '^a'"]),
        ({"type": "integer", "maximum": 2.0}, 3, ["v: Invalid value: 3: v in body should be less than or equal to 2"]),
        (
            {"type": "integer", "minimum": 2, "exclusiveMinimum": True},
            2,
            ["v: Invalid value: 2: v in body should be greater than 2"],
        ),
        (
            {"type": "number", "multipleOf": 0.5},
            1.25,
            ["v: Invalid value: 1.25: v in body should be a multiple of 0.5"],
        ),
        ({**obj(a=STRING), "required": ["a"]}, {}, ["v.a: Required value"]),
        ({"type": "array", "items": STRING, "maxItems": 1}, ["a", "b"], ["v: Too many: 2: must have at most 1 items"]),
        (
            {"type": "array", "items": STRING},
            [1],
            ['v[0]: Invalid value: "integer": v[0] in body must be of type string: "integer"'],
        ),
        ({"x-kubernetes-int-or-string": True}, "80%", []),
        ({"x-kubernetes-int-or-string": True}, 80, []),
        (
            {"type": "array", "items": STRING, "x-kubernetes-list-type": "set"},
            ["a", "a"],
            ['v[1]: Duplicate value: "a"'],
        ),
        (
            {**obj(a=STRING, b=STRING), "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {"a": "x", "b": "y"},
            ['v: Invalid value: "": "v" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
        ),
        (
            {**obj(a=STRING, b=STRING), "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {},
            ['v: Invalid value: "": "v" must validate at least one schema (anyOf)', "v.a: Required value"],
        ),
        ({**STRING, "not": {"enum": ["x"]}}, "x", ['v: Invalid value: "": "v" must not validate the schema (not)']),
        (
            {**STRING, "format": "date-time"},
            "soon",
            ['v: Invalid value: "soon": v in body must be of type date-time: "soon"'],
        ),
    ],
)
def test_validation(schema: Any, value: Any, messages: list[str]) -> None:
    assert [f"{cause.field}: {cause.message}" for cause in check_value(value, schema, "v")] == messages


def test_what_was_so_before_is_not_held_against_a_change() -> None:
    schema = obj(spec=obj(a={"type": "integer", "maximum": 3}, b=STRING))
    old = {"spec": {"a": 9, "b": "x"}}
    assert check({"spec": {"a": 9, "b": "y"}}, schema, old) == []
    assert len(check({"spec": {"a": 8, "b": "y"}}, schema, old)) == 1


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("date-time", "2026-01-02T03:04:05.1Z", "2026-13-02T03:04:05Z"),
        ("date", "2026-01-02", "2026-1-2"),
        ("duration", "1h30m", "soon"),
        ("ipv4", "10.0.0.1", "10.0.0.256"),
        ("ipv6", "::1", "10.0.0.1"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("uri", "https://example.com/x", "no uri"),
        ("email", "a@example.com", "a"),
        ("hostname", "a.example.com", "a..b"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"),
        ("byte", "aGk=", "%"),
        ("mac", "00:11:22:33:44:55", "00:11"),
    ],
)
def test_formats(form: str, good: str, bad: str) -> None:
    assert fits(good, form)
    assert not fits(bad, form)
    assert fits(bad, "no-such-format")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.b", [1]),
        ("{.a.b}", [1]),
        (".list[0].n", ["x"]),
        (".list[-1].n", ["y"]),
        (".list[*].n", ["x", "y"]),
        (".list[?(@.n=='y')].v", [2]),
        (".list[?(@.v>1)].n", ["y"]),
        (".map.example\\.com/a", ["e"]),
        (".map['example.com/a']", ["e"]),
        ("..n", ["x", "y"]),
        (".nope.x", []),
    ],
)
def test_json_path(path: str, found: list[Any]) -> None:
    document = {"a": {"b": 1}, "list": [{"n": "x", "v": 1}, {"n": "y", "v": 2}], "map": {"example.com/a": "e"}}
    assert jsonpath.find(path, document) == found


@pytest.mark.parametrize("path", ["a", ".a[", ".a[x]", "."])
def test_what_is_no_json_path(path: str) -> None:
    with pytest.raises(jsonpath.JsonPathError):
        jsonpath.parse(path)


RULED = {
    **obj(
        n={"type": "integer"},
        name=STRING,
        when={**STRING, "format": "date-time"},
        **{"with-dash": STRING},
        items={
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": {
                **obj(k=STRING, v={"type": "integer"}),
                "x-kubernetes-validations": [{"rule": "self.v >= oldSelf.v", "message": "only up"}],
            },
        },
    ),
}


@pytest.mark.parametrize(
    ("rule", "new", "old", "broken"),
    [
        ({"rule": "self.n > 1"}, {"n": 1}, None, ['Invalid value: "object": failed rule: self.n > 1']),
        ({"rule": "self.n > 1", "message": "too few"}, {"n": 1}, None, ['Invalid value: "object": too few']),
        (
            {"rule": "self.n > 1", "reason": "FieldValueForbidden"},
            {"n": 1},
            None,
            ["Forbidden: failed rule: self.n > 1"],
        ),
        (
            {"rule": "self.n > 1", "messageExpression": "'n is ' + string(self.n)"},
            {"n": 1},
            None,
            ['Invalid value: "object": n is 1'],
        ),
        ({"rule": "self.n > 1"}, {"n": 2}, None, []),
        ({"rule": "self.n > 1"}, {"n": 1}, {"n": 1}, []),
        ({"rule": "self.n >= oldSelf.n"}, {"n": 1}, None, []),
        (
            {"rule": "self.n >= oldSelf.n"},
            {"n": 1},
            {"n": 2},
            ['Invalid value: "object": failed rule: self.n >= oldSelf.n'],
        ),
        ({"rule": "oldSelf.hasValue() || self.n == 0", "optionalOldSelf": True}, {"n": 0}, None, []),
        (
            {"rule": "oldSelf.hasValue() || self.n == 0", "optionalOldSelf": True, "message": "starts at 0"},
            {"n": 1},
            None,
            ['Invalid value: "object": starts at 0'],
        ),
        (
            {"rule": "self.__name__ == 'x'"},
            {"name": "x"},
            None,
            ['Invalid value: "object": no such key: __name__ evaluating'],
        ),
        ({"rule": "self.with__dash__dash == 'x'"}, {"with-dash": "x"}, None, []),
        (
            {"rule": "timestamp(self.when) < timestamp('2026-01-01T00:00:00Z')"},
            {"when": "2025-01-01T00:00:00Z"},
            None,
            [],
        ),
        (
            {"rule": "true"},
            {"items": [{"k": "a", "v": 1}]},
            {"items": [{"k": "a", "v": 2}]},
            ['Invalid value: "object": only up'],
        ),
        ({"rule": "true"}, {"items": [{"k": "b", "v": 1}]}, {"items": [{"k": "a", "v": 2}]}, []),
    ],
)
def test_rules(rule: dict[str, Any], new: Any, old: Any, broken: list[str]) -> None:
    schema = {**copy.deepcopy(RULED), "x-kubernetes-validations": [rule]}
    causes = check_rules(new, schema) if old is None else check_rules(new, schema, old)
    assert len(causes) == len(broken)
    for cause, text in zip(causes, broken, strict=True):
        assert cause.message.startswith(text)


def test_names_in_rules() -> None:
    assert [escaped(name) for name in ("a", "in", "a-b", "a.b/c", "a__b")] == [
        "a",
        "__in__",
        "a__dash__b",
        "a__dot__b__slash__c",
        "a__underscores__b",
    ]
    assert uses("self.x == oldSelf.x", "oldSelf")
    assert not uses("self.x == 'oldSelf'", "oldSelf")
    assert not uses("self.oldSelf == 1", "oldSelf")


@pytest.mark.parametrize(
    "expression",
    [
        "quantity('1Gi').isGreaterThan(quantity('1Mi')) && quantity('1000m') == quantity('1')",
        "quantity('1').add(quantity('2')).compareTo(quantity('3')) == 0 && !isQuantity('x')",
        "[1, 2].isSorted() && [1, 2].sum() == 3 && [3, 1].min() == 1 && ['a', 'b'].indexOf('b') == 1",
        "'a-b'.split('-').join('+') == 'a+b' && 'AbC'.lowerAscii() == 'abc' && ' x '.trim() == 'x'",
        "'x1y22'.findAll('[0-9]+') == ['1', '22'] && 'x1'.find('[0-9]') == '1'",
        "'%s is %d'.format(['a', 1]) == 'a is 1' && 'abcd'.substring(1, 3) == 'bc'",
        "cidr('10.0.0.0/8').containsIP('10.1.1.1') && ip('::1').isLoopback() && !isIP('1.2.3')",
        "url('https://a.b:8/c').getHostname() == 'a.b' && isURL('https://a.b')",
        "semver('1.2.3').isGreaterThan(semver('1.2.3-rc.1')) && semver('1.2.3').minor() == 2",
        "sets.contains([1, 2], [1]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 1], [1])",
        "self.?b.orValue(5) == 5 && has(self.a) && cel.bind(x, self.a, x == 1)",
    ],
)
def test_the_library_of_rules(expression: str) -> None:
    assert compile_rule(expression, "self").evaluate({"self": {"a": 1}}) is True


@pytest.mark.parametrize("expression", ["self.", "nope > 1", "self.a.noSuchFunction()", "1 + 'a'"])
def test_what_is_no_rule(expression: str) -> None:
    with pytest.raises(CelError):
        compile_rule(expression, "self")


def test_a_structural_schema_says_types_outside_of_logic() -> None:
    good = {**obj(a=STRING), "anyOf": [{"required": ["a"]}]}
    assert check_structural(good, "s") == []
    bad = {**obj(a={"properties": {}}), "anyOf": [{"properties": {"b": STRING}}]}
    assert {(cause.field, cause.reason) for cause in check_structural(bad, "s")} == {
        ("s.properties[a].type", "FieldValueRequired"),
        ("s.anyOf[0].properties[b].type", "FieldValueForbidden"),
        ("s.properties[b]", "FieldValueRequired"),
    }


def test_custom_objects_keep_what_they_are_given() -> None:
    model = model_of("example.com/v1", "One")
    raw = b'{"apiVersion":"example.com/v1","kind":"One","metadata":{"name":"a"},"spec":{"x":null,"y":[1,{"z":1.5}]}}'
    made = model.model_validate_json(raw)
    assert type(made) is model
    assert made.to_json() == raw
    copied = made.copy_deep()
    copied.content["spec"]["y"].append(2)
    assert made.to_json() == raw
    assert whole_numbers({"a": 1.0, "b": [2.5, 3.0]}) == {"a": 1, "b": [2.5, 3]}
