"""Policies: what IAM's documents mean, and what is said of one that is wrong."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import InputError
from edge.keys import conditions, patterns, policy
from edge.keys.conditions import OPERATORS
from edge.keys.doubts import doubts
from edge.keys.policy import allowed, parse
from edge.keys.resources import RESOURCES, needed, reads, resource_of

PEOPLE = "arn:aws:rekognition:us-east-1:123456789012:collection/people"
OURS = ("us-east-1", "123456789012")
SECRET = "arn:aws:rekognition:us-east-1:123456789012:collection/secret"


def arn(kind: str, name: str) -> str:
    return f"arn:aws:rekognition:us-east-1:123456789012:{kind}/{name}"


def document(*statements: dict[str, Any], **top: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)} | top)


def statement(effect: str = "Allow", **parts: Any) -> dict[str, Any]:
    whole = {"Effect": effect} | parts
    if not {"Action", "NotAction"} & set(whole):
        whole["Action"] = "rekognition:*"
    if not {"Resource", "NotResource"} & set(whole):
        whole["Resource"] = "*"
    return whole


def may(
    operation: str, resource: str = "*", *statements: dict[str, Any], context: conditions.Context | None = None
) -> bool:
    return allowed([parse("p", document(*statements))], f"rekognition:{operation}", resource, context or {})


def test_nothing_is_allowed_unless_something_allows_it() -> None:
    assert not allowed([], "rekognition:DetectLabels", "*", {})
    assert not may("DetectLabels", "*", statement(Action="rekognition:DetectFaces"))
    assert may("DetectLabels", "*", statement())


def test_a_deny_wins_wherever_it_stands() -> None:
    deny = statement("Deny", Action="rekognition:Delete*")
    for order in ([deny, statement()], [statement(), deny]):
        assert not may("DeleteCollection", PEOPLE, *order)
        assert may("DetectLabels", "*", *order)
    both = [parse("allow", document(statement())), parse("deny", document(deny))]
    assert not allowed(both, "rekognition:DeleteFaces", PEOPLE, {})


def test_actions_are_matched_in_any_case_with_wildcards() -> None:
    for action in ("REKOGNITION:detectlabels", "rekognition:Detect?abels", "rekognition:*Labels", "*"):
        assert may("DetectLabels", "*", statement(Action=action))
    for action in ("rekognition:DetectLabel", "rekognition:Detect?Labels", "s3:*"):
        assert not may("DetectLabels", "*", statement(Action=action))
    assert may("SearchFaces", PEOPLE, statement(Action=["rekognition:DetectLabels", "rekognition:searchfaces*"]))


def test_not_action_and_not_resource_mean_all_others() -> None:
    but = statement(NotAction=["rekognition:Delete*", "rekognition:Create*"])
    assert may("DetectLabels", "*", but)
    assert not may("DeleteCollection", PEOPLE, but)
    elsewhere = statement(NotResource=SECRET)
    assert may("SearchFaces", PEOPLE, elsewhere)
    assert not may("SearchFaces", SECRET, elsewhere)


def test_resources_are_matched_in_their_case_part_by_part() -> None:
    for resource in (
        PEOPLE,
        "arn:aws:rekognition:*:*:collection/people",
        "arn:*:rekognition:us-*:1234567890??:collection/p*e",
        "arn:aws:rekognition:*",
        "arn:aws:rekognition:us-east-1:*",
        "arn:*",
        "*",
        "***",
    ):
        assert may("SearchFaces", PEOPLE, statement(Resource=resource)), resource
    for resource in (
        "arn:aws:rekognition:*:*:collection/People",
        "arn:aws:rekognition:*:*:collection/peopl",
        "arn:aws:rekognition:*:*:collection/?people",
        "arn:aws:rekognition:eu*1:*:collection/people",
        "arn:aws:s3:*",
    ):
        assert not may("SearchFaces", PEOPLE, statement(Resource=resource)), resource


def test_a_wildcard_stays_in_its_part_of_an_arn() -> None:
    assert not patterns.arn("arn:aws:rekognition:a*b:c:collection/x")("arn:aws:rekognition:a:b:c:collection/x")
    assert patterns.arn("arn:aws:rekognition:*:*:collection/*")(PEOPLE)


def test_an_allow_for_an_arn_never_applies_to_an_operation_without_one() -> None:
    assert not may("DetectLabels", "*", statement(Resource=PEOPLE))
    assert not may("DetectLabels", "*", statement(Resource="arn:*"))


plain = st.text(alphabet="ab*?.[]{}^$\\|+()-/", max_size=12)


@given(pattern=plain, text=plain)
def test_wildcards_are_those_of_file_names(pattern: str, text: str) -> None:
    """Python's own matcher is the oracle, once it is told that brackets are nothing special."""
    literal = pattern.replace("[", "[[]")
    assert patterns.glob(pattern)(text) == fnmatch.fnmatchcase(text, literal)


@given(texts=st.lists(st.text(alphabet="ab/-", max_size=4), min_size=1, max_size=5), filler=st.text("abc/", max_size=5))
def test_a_star_stands_for_anything(texts: list[str], filler: str) -> None:
    assert patterns.glob("*".join(texts))(filler.join(texts))


def test_many_stars_take_no_time() -> None:
    assert not patterns.glob("*a" * 200 + "*b")("a" * 5000)


def test_letters_that_only_unicode_thinks_alike_are_not() -> None:
    assert not may("DetectLabels", "*", statement(Action="reko\u0261nition:DetectLabels"))
    assert not patterns.glob("\u212aey", cased=False)("key")  # the sign of Kelvin


holds: list[tuple[str, Any, conditions.Context, bool]] = [
    ("StringEquals", "ada", {"aws:username": "ada"}, True),
    ("StringEquals", ["bob", "ada"], {"aws:username": "ada"}, True),
    ("StringEquals", "ada", {"aws:username": "Ada"}, False),
    ("StringEquals", "a*", {"aws:username": "ada"}, False),
    ("StringEquals", "ada", {}, False),
    ("StringEqualsIfExists", "ada", {}, True),
    ("StringEqualsIfExists", "ada", {"aws:username": "bob"}, False),
    ("StringNotEquals", ["ada", "bob"], {"aws:username": "cyd"}, True),
    ("StringNotEquals", ["ada", "bob"], {"aws:username": "bob"}, False),
    ("StringNotEquals", "ada", {}, True),
    ("StringNotEqualsIfExists", "ada", {}, True),
    ("StringEqualsIgnoreCase", "ADA", {"aws:username": "ada"}, True),
    ("StringNotEqualsIgnoreCase", "ADA", {"aws:username": "ada"}, False),
    ("StringLike", "a?a*", {"aws:username": "ada"}, True),
    ("StringLike", "A*", {"aws:username": "ada"}, False),
    ("StringNotLike", "a*", {"aws:username": "ada"}, False),
    ("StringNotLike", "a*", {"aws:username": "bob"}, True),
    ("NumericEquals", 5, {"aws:username": "5.0"}, True),
    ("NumericNotEquals", "5", {"aws:username": "6"}, True),
    ("NumericLessThan", "5", {"aws:username": "4.9"}, True),
    ("NumericLessThan", "5", {"aws:username": "5"}, False),
    ("NumericLessThanEquals", "5", {"aws:username": "5"}, True),
    ("NumericGreaterThan", "5", {"aws:username": "5"}, False),
    ("NumericGreaterThanEquals", "5", {"aws:username": "5"}, True),
    ("NumericLessThan", "5", {"aws:username": "five"}, False),
    ("NumericNotEquals", "5", {"aws:username": "five"}, False),
    ("Bool", True, {"aws:username": "true"}, True),
    ("Bool", "FALSE", {"aws:username": "true"}, False),
    ("IpAddress", "192.0.2.0/24", {"aws:username": "192.0.2.7"}, True),
    ("IpAddress", ["10.0.0.0/8", "192.0.2.7"], {"aws:username": "192.0.2.7"}, True),
    ("IpAddress", "192.0.2.0/24", {"aws:username": "::ffff:192.0.2.7"}, True),
    ("IpAddress", "192.0.2.0/24", {"aws:username": "192.0.3.7"}, False),
    ("IpAddress", "2001:db8::/32", {"aws:username": "2001:db8::7"}, True),
    ("IpAddress", "0.0.0.0/0", {"aws:username": "2001:db8::7"}, False),
    ("NotIpAddress", "192.0.2.0/24", {"aws:username": "192.0.3.7"}, True),
    ("NotIpAddress", "192.0.2.0/24", {"aws:username": "unix"}, False),
    ("DateLessThan", "2026-03-04T00:00:00Z", {"aws:username": "2026-03-03T23:59:59Z"}, True),
    ("DateLessThan", "2026-03-04", {"aws:username": "2026-03-04T00:00:00Z"}, False),
    ("DateGreaterThanEquals", "2026-03-04T01:00:00+01:00", {"aws:username": "2026-03-04T00:00:00Z"}, True),
    ("DateGreaterThan", 1700000000, {"aws:username": "2026-03-04T00:00:00Z"}, True),
    ("DateLessThanEquals", "2026", {"aws:username": "1999"}, True),
    ("DateEquals", "2026-03-04T00:00:00Z", {"aws:username": "1772582400"}, True),
    ("DateNotEquals", "2026-03-04T00:00:00Z", {"aws:username": "1772582400"}, False),
    ("ArnLike", "arn:aws:iam::*:user/a*", {"aws:username": "arn:aws:iam::123456789012:user/ada"}, True),
    ("ArnEquals", "arn:aws:iam::*:user/b*", {"aws:username": "arn:aws:iam::123456789012:user/ada"}, False),
    ("ArnNotLike", "arn:aws:iam::*:user/b*", {"aws:username": "arn:aws:iam::123456789012:user/ada"}, True),
    ("ArnNotEquals", "arn:aws:iam::*:user/a*", {"aws:username": "arn:aws:iam::123456789012:user/ada"}, False),
    ("Null", "true", {}, True),
    ("Null", "true", {"aws:username": "ada"}, False),
    ("Null", False, {"aws:username": "ada"}, True),
    ("ForAnyValue:StringEquals", ["a", "b"], {"aws:username": ["b", "c"]}, True),
    ("ForAnyValue:StringEquals", ["a", "b"], {"aws:username": ["c"]}, False),
    ("ForAnyValue:StringEquals", ["a", "b"], {}, False),
    ("ForAnyValue:StringNotEquals", ["a"], {"aws:username": ["a", "c"]}, True),
    ("ForAllValues:StringLike", ["a*", "b"], {"aws:username": ["ax", "b"]}, True),
    ("ForAllValues:StringLike", ["a*", "b"], {"aws:username": ["ax", "c"]}, False),
    ("ForAllValues:StringEquals", ["a"], {}, True),
    ("ForAllValues:StringNotEquals", ["a"], {"aws:username": ["b", "a"]}, False),
    ("StringEquals", "b", {"aws:username": ["a", "b"]}, True),
    ("StringNotEquals", "b", {"aws:username": ["a", "b"]}, False),
    ("StringEqual", "ada", {"aws:username": "ada"}, False),
    ("BinaryEquals", "YQ==", {"aws:username": "a"}, False),
]


@pytest.mark.parametrize(("operator", "wanted", "context", "applies"), holds)
def test_conditions_as_iam_has_them(operator: str, wanted: Any, context: conditions.Context, applies: bool) -> None:
    one = statement(Condition={operator: {"AWS:UserName": wanted}})
    assert may("DetectLabels", "*", one, context=context) == applies


def test_every_operator_stands_in_the_table_of_examples() -> None:
    assert set(OPERATORS) <= {operator for operator, *_ in holds}


def test_all_conditions_must_hold() -> None:
    both = statement(Condition={"StringEquals": {"aws:username": "ada"}, "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})
    assert may("DetectText", "*", both, context={"aws:username": "ada", "aws:SourceIp": "192.0.2.7"})
    assert not may("DetectText", "*", both, context={"aws:username": "ada", "aws:SourceIp": "198.51.100.7"})


def test_what_cannot_be_judged_is_closed() -> None:
    unknown = {"StringSeems": {"aws:username": "ada"}}
    context = {"aws:username": "ada"}
    assert not may("DetectText", "*", statement(Condition=unknown), context=context)
    assert not may("DetectText", "*", statement(), statement("Deny", Condition=unknown), context=context)
    # But a Deny whose other condition does not hold does not apply in any case.
    known = unknown | {"StringEquals": {"aws:username": "bob"}}
    assert may("DetectText", "*", statement(), statement("Deny", Condition=known), context=context)


def test_what_read_allows_changes_nothing() -> None:
    read, full = policy.ready("read"), policy.ready("full")
    for operation in RESOURCES:
        action = f"rekognition:{operation}"
        assert allowed([read], action, "*", {}) == reads(operation), operation
        assert allowed([full], action, "*", {})
    assert not allowed([full], "s3:GetObject", "*", {})


faults: list[tuple[Any, str]] = [
    ([], "p.json: not an object; write {…}"),
    ({"Statement": []}, "p.json: Statement: missing; write a list of statements"),
    ({"Version": "2012-10-17"}, "p.json: Statement: missing"),
    ({"Version": "2026-01-01", "Statement": [statement()]}, 'Version: there is no such version; write "2012-10-17"'),
    ({"Statements": [statement()]}, "p.json: Statements: unknown; known are Id, Statement, Version"),
    ({"Statement": ["x"]}, "p.json: Statement 1: not an object"),
    ({"Statement": [statement(), statement("allow", Sid="Two")]}, 'Statement 2 (Two): Effect: write "Allow" or "Deny"'),
    ({"Statement": [statement(Sid=5)]}, "Statement 1: Sid: not a name"),
    ({"Statement": [statement(Principal="*")]}, "Statement 1: Principal: take it out"),
    ({"Statement": [statement(resource="*")]}, "Statement 1: resource: unknown; known are Action, Condition, Effect"),
    ({"Statement": {"Effect": "Allow", "Resource": "*"}}, "Statement 1: needs Action or NotAction, and not both"),
    ({"Statement": [statement(Action="a:b", NotAction="a:c")]}, "needs Action or NotAction, and not both"),
    ({"Statement": [{"Effect": "Deny", "Action": "*"}]}, "needs Resource or NotResource, and not both"),
    ({"Statement": [statement(Action=[])]}, "Statement 1: Action: write a text, or a list of texts"),
    ({"Statement": [statement(Action=[5])]}, "Statement 1: Action: write a text, or a list of texts"),
    ({"Statement": [statement(Action="")]}, "Action: an empty text"),
    ({"Statement": [statement(Action="DetectLabels")]}, "Action: 'DetectLabels' is neither '*' nor such as 'rekogn"),
    ({"Statement": [statement(Resource="collection/x")]}, "Resource: 'collection/x' is neither '*' nor such as 'arn:"),
    ({"Statement": [statement(Resource="arn:aws:rekognition:*:collection/x")]}, "is neither '*' nor such as"),
    ({"Statement": [statement(Resource=arn("collection", "${aws:username}"))]}, "variables are not known here"),
    ({"Statement": [statement(Condition=[])]}, "Statement 1: Condition: not an object"),
    ({"Statement": [statement(Condition={"Bool": "true"})]}, "Condition: Bool: not an object"),
    ({"Statement": [statement(Condition={"Bool": {"aws:SecureTransport": {}}})]}, "aws:SecureTransport: write a text"),
    ({"Statement": [statement(Condition={"Bool": {"aws:SecureTransport": "yes"}})]}, "'yes' is neither true nor false"),
    ({"Statement": [statement(Condition={"Null": {"aws:username": "yes"}})]}, "'yes' is neither true nor false"),
    (
        {"Statement": [statement(Condition={"IpAddress": {"aws:SourceIp": "300.0.0.1"}})]},
        "does not appear to be an IPv4",
    ),
    ({"Statement": [statement(Condition={"NumericLessThan": {"a": "nan"}})]}, "a: 'nan' is no number; write a value"),
    ({"Statement": [statement(Condition={"DateLessThan": {"aws:CurrentTime": "noon"}})]}, "Invalid isoformat string"),
    ({"Statement": [statement(Condition={"ArnLike": {"a": "x"}})]}, "is neither '*' nor such as"),
    ({"Statement": [statement(Condition={"StringEquals": {"a": "${b}"}})]}, "variables are not known here"),
]


@pytest.mark.parametrize(("raw", "message"), faults)
def test_a_wrong_policy_says_where_and_what_to_write(tmp_path: Path, raw: Any, message: str) -> None:
    file = tmp_path / "p.json"
    file.write_text(json.dumps(raw))
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        policy.load(file)
    assert str(caught.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not the JSON of a policy"),
        ('{"Statement": [], "Statement": []}', "'Statement' stands twice in one object"),
        ("[" * 100_000, "longer than 65536 characters"),
        ("[" * 60_000, "nested too deeply to be a policy"),
    ],
)
def test_what_is_no_json_is_told(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse("p", text)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No such file or directory; name a file with a policy, or one of full, read"):
        policy.load(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b"\xe9")
    with pytest.raises(InputError, match="not UTF-8 text"):
        policy.load(tmp_path / "latin.json")


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["*", "Allow", "rekognition:*", "x", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*policy.READY, "Statement", "Effect", "Action", "Resource", "Condition", "Bool", "Null", "Sid"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(junk, junk)
def test_no_document_is_worse_than_refused(raw: Any, condition: Any) -> None:
    for tried in (raw, {"Statement": raw}, {"Statement": statement(Condition=condition)}):
        try:
            found = parse("p", json.dumps(tried))
        except InputError:
            continue
        assert allowed([found], "rekognition:DetectText", "*", {}) in (True, False)


values = st.lists(
    st.sampled_from(["a", "b", "ab", "*", "true", "5", "192.0.2.1", "2026-01-01"]), min_size=1, max_size=3
)


@given(st.sampled_from(sorted(OPERATORS)), values, st.sampled_from(["", "ForAnyValue:", "ForAllValues:"]), st.data())
def test_a_negated_operator_is_the_contrary_of_its_own(
    name: str, wanted: list[str], each: str, data: st.DataObject
) -> None:
    negated = {"NotIpAddress": "IpAddress"}.get(name) or name.replace("Not", "")
    if negated == name:
        return
    given_ = data.draw(st.sampled_from(["a", "ab", "5", "192.0.2.1", "2026-01-01"]))
    try:
        yes, no = (conditions.parse(f"{each}{one}", "k", wanted).holds({"k": given_}) for one in (negated, name))
    except ValueError:
        return
    assert (yes is None) == (no is None)
    assert yes is None or yes != no


def test_each_operation_has_its_resource() -> None:
    for operation, members, expected in examples:
        assert resource_of(operation, members, arn) == list(expected), operation


examples: Sequence[tuple[str, dict[str, Any], Sequence[str]]] = [
    ("DetectLabels", {"Image": {}}, ["*"]),
    ("CreateCollection", {"CollectionId": "people"}, ["*"]),
    ("SearchFacesByImage", {"CollectionId": "people"}, [PEOPLE]),
    ("StartStreamProcessor", {"Name": "porch"}, [arn("streamprocessor", "porch")]),
    ("DetectCustomLabels", {"ProjectVersionArn": "arn:v"}, ["arn:v"]),
    ("DetectModerationLabels", {}, ["*"]),
    ("DetectModerationLabels", {"ProjectVersion": "arn:v"}, ["arn:v"]),
    ("TagResource", {"ResourceArn": PEOPLE, "Tags": {"a": "b"}}, [PEOPLE]),
    ("DistributeDatasetEntries", {"Datasets": [{"Arn": "arn:1"}, {"Arn": "arn:2"}]}, ["arn:1", "arn:2"]),
    ("CreateStreamProcessor", {"Settings": {"FaceSearch": {"CollectionId": "people"}}}, [PEOPLE]),
    ("NoSuchOperation", {}, ["*"]),
]


def test_all_operations_of_the_service_are_known() -> None:
    from botocore.session import get_session

    model = get_session().get_service_model("rekognition")
    assert set(RESOURCES) == set(model.operation_names)
    for operation, resources in RESOURCES.items():
        for _, member in resources:
            shape: Any = model.operation_model(operation).input_shape
            for part in member.split("."):
                shape = (shape.member if shape.type_name == "list" else shape).members[part]
            assert shape.type_name == "string"


def test_a_workstation_needs_to_be_allowed_to_train_what_it_trains() -> None:
    assert needed("PutPack", {"ProjectVersionArn": "arn:v"}, arn) == [("vedette:Train", "arn:v")]
    assert needed("ListOrders", {}, arn) == [("vedette:Train", "*")]
    listed = arn("project", "raccoons/")
    assert needed("ListOrders", {"ProjectName": "raccoons"}, arn) == [("vedette:Train", listed)]
    raccoons = statement(Action="vedette:Train", Resource=arn("project", "raccoons/*"))
    assert allowed([parse("p", document(raccoons))], "vedette:Train", listed, {})
    assert doubts(parse("p", document(raccoons)), *OURS) == []
    assert not allowed([policy.ready("read")], "vedette:Train", "*", {})
    assert not allowed([policy.ready("train")], "rekognition:DetectLabels", "*", {})


def test_what_is_made_with_tags_needs_to_be_taggable() -> None:
    plain, tagged = {"CollectionId": "people"}, {"CollectionId": "people", "Tags": {"a": "b"}}
    assert needed("CreateCollection", plain, arn) == [("rekognition:CreateCollection", "*")]
    assert needed("CreateCollection", tagged, arn)[1:] == [("rekognition:TagResource", PEOPLE)]
    assert needed("CreateProject", {"ProjectName": "x", "Tags": {"a": "b"}}, arn)[1:] == [
        ("rekognition:TagResource", "*")
    ]
    assert needed("TagResource", {"ResourceArn": PEOPLE, "Tags": {"a": "b"}}, arn) == [
        ("rekognition:TagResource", PEOPLE)
    ]


@pytest.mark.parametrize(
    ("one", "doubt"),
    [
        (statement(Action="rekognition:DetectLabel"), "'rekognition:DetectLabel' is no operation of rekognition"),
        (statement(Action="rekognition:DetectText", Resource=PEOPLE), "its Resource must be '*'"),
        (
            statement(Resource=PEOPLE.replace("us-east-1", "eu-west-1")),
            "is of the region 'eu-west-1', and here it is 'us-",
        ),
        (statement(Resource=PEOPLE.replace("123456789012", "")), "is of the account '', and here it is '123456789012'"),
        (statement("Deny", Resource="arn:aws:s3:::people"), "is of the service 's3', and here it is 'rekognition', so"),
        (
            statement(Resource=arn("colection", "people")),
            "is of the kind 'colection', and there is collection, project",
        ),
        (statement("Deny", Resource=PEOPLE + "/"), "names no collection, so that it names nothing of this device"),
        (statement(Condition={"StringSeems": {"aws:username": "x"}}), "so that this Allow never applies"),
        (statement("Deny", Condition={"StringSeems": {"aws:username": "x"}}), "so that this Deny always applies"),
        (statement(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), "is not told by any request here"),
    ],
)
def test_what_is_hardly_meant_is_told(one: dict[str, Any], doubt: str) -> None:
    (told,) = doubts(parse("p", document(one)), *OURS)
    assert told.startswith("p: Statement 1: ")
    assert doubt in told


def test_nothing_is_said_of_a_sound_policy() -> None:
    sound = statement(
        Condition={"Null": {"aws:RequestTag/owner": "false"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    )
    assert doubts(parse("p", document(sound, statement(Resource=PEOPLE))), *OURS) == []
    for resource in ("arn:aws:rekog*", "arn:*", "arn:aws:*:*:*:coll*/p?ople", arn("project", "cats/version/*"), "*"):
        assert doubts(parse("p", document(statement(Resource=resource))), *OURS) == []
    assert [doubts(policy.ready(name), *OURS) for name in policy.READY] == [[], [], []]


def test_the_example_of_the_pages_works() -> None:
    """Detect and search anywhere, enrol at the front door only, and never touch one collection."""
    every = document(
        statement(Action=["rekognition:Detect*", "rekognition:searchfaces*"]),
        statement(Action="rekognition:IndexFaces", Resource="arn:aws:rekognition:*:*:collection/front-door*"),
        statement("Deny", Action="rekognition:SearchFaces*", Resource="arn:aws:rekognition:*:*:collection/secret"),
    )
    check: Callable[[str, str], bool] = lambda operation, resource: allowed(  # noqa: E731
        [parse("p", every)], f"rekognition:{operation}", resource, {}
    )
    assert check("DetectLabels", "*")
    assert check("SearchFacesByImage", PEOPLE)
    assert not check("SearchFacesByImage", SECRET)
    assert check("IndexFaces", arn("collection", "front-door-1"))
    assert not check("IndexFaces", arn("collection", "Front-door"))
    assert not check("DeleteCollection", PEOPLE)
