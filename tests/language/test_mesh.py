"""Round-trip matrices and graphs: as they stand in the file or in files beside it, and what strangers may put there."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from simkit.kernel import Constant
from simkit.language.problem import ScenarioError
from simkit.language.scenario import dump

HEAD = """\
title: Routed
system: task_queue
duration: 1min
hosts:
  broker: {role: broker, zone: a}
  workers: {role: worker, count: 4, zones: [b, c]}
network:
  default: {rtt: 10ms}
"""
MATRIX = "  matrix:\n    rtt:\n      a: {b: 20ms, c: 30ms}\n      b: {a: 22ms}\n"
GRAPH = """\
  graph:
    convergence: 1s
    links:
      a <-> paris: {one_way: 1ms}
      paris <-> london: {one_way: 4ms, bandwidth: 1Gbit/s, weight: 10}
      london -> b: {one_way: 1ms}
"""
GRAPHML = """\
<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key id="d0" for="node" attr.name="label" attr.type="string"/>
  <key id="d1" for="edge" attr.name="one_way" attr.type="string"/>
  <key id="d2" for="edge" attr.name="LinkSpeedRaw" attr.type="double"/>
  <key id="d3" for="edge" attr.name="length_km" attr.type="double"/>
  <graph edgedefault="undirected">
    <node id="0"><data key="d0">a</data></node>
    <node id="1"><data key="d0">New York</data></node>
    <node id="2"><data key="d0">b</data></node>
    <edge source="0" target="1"><data key="d1">3ms</data><data key="d2">1000000000.0</data></edge>
    <edge source="1" target="2"><data key="d3">400</data></edge>
  </graph>
</graphml>
"""


def one_ways(scenario):
    found = {}
    for wire in scenario.wiring.wires:
        found[wire.source, wire.target] = wire.link.one_way.value / 1e6
        if wire.both:
            found[wire.target, wire.source] = wire.link.one_way.value / 1e6
    return found


def test_a_matrix_gives_half_of_each_round_trip_one_way_and_both_ways_where_it_has_one(load):
    assert one_ways(load(HEAD + MATRIX)) == {("a", "b"): 10, ("b", "a"): 11, ("a", "c"): 15, ("c", "a"): 15}


def test_a_matrix_may_be_a_table_beside_the_scenario(load, tmp_path):
    (tmp_path / "rtt.csv").write_text("ms,a,b,c\na,,20,30.5\nb,22ms,,\n")
    scenario = load(HEAD + "  matrix: {file: rtt.csv}\n")
    assert one_ways(scenario) == {("a", "b"): 10, ("b", "a"): 11, ("a", "c"): 15.25, ("c", "a"): 15.25}
    (tmp_path / "rtt.csv").unlink()
    assert one_ways(load(dump(scenario))) == one_ways(scenario)


def test_a_graph_is_a_mesh_of_routers_and_hosts(load):
    wiring = load(HEAD + GRAPH).wiring
    assert wiring.mesh_nodes == ("a", "paris", "london", "b")
    mesh = wiring.topology().mesh
    assert mesh.convergence_ns == 10**9
    assert sorted(mesh.graph.edges) == [
        ("a", "paris"), ("london", "b"), ("london", "paris"), ("paris", "a"), ("paris", "london"),
    ]  # fmt: skip
    assert mesh.graph.edges["paris", "london"]["weight"] == 10
    assert mesh.graph.edges["london", "b"]["link"].one_way == Constant(1e6)


def test_a_graph_may_be_graphml_beside_the_scenario(load, tmp_path):
    (tmp_path / "net.graphml").write_text(GRAPHML)
    text = HEAD + "  graph:\n    file: net.graphml\n    links:\n      New_York <-> b: {loss: 1%}\n"
    scenario = load(text)
    graph = scenario.wiring.topology().mesh.graph
    first, second = graph.edges["a", "New_York"]["link"], graph.edges["New_York", "b"]["link"]
    assert (first.one_way, first.bandwidth) == (Constant(3e6), 10**9)
    assert (second.one_way, second.loss) == (Constant(2e6), 0.01)
    (tmp_path / "net.graphml").unlink()
    assert load(dump(scenario)).wiring == scenario.wiring


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (MATRIX.replace("c: 30ms", "d: 30ms"), "my.yaml:11:7: unknown target `d`"),
        (MATRIX.replace("30ms", "30"), "a duration needs a unit"),
        ("  matrix: {file: ../rtt.csv}\n", "my.yaml:9:18: `../rtt.csv` leaves the folder"),
        ("  matrix: {file: rtt.csv}\n", "my.yaml:9:18: `rtt.csv` cannot be opened"),
        ("  graph: {file: my.yaml}\n", "`my.yaml` is no GraphML"),
        (GRAPH.replace("weight", "wieght"), "unknown key `wieght` in `network.graph.links.paris <-> london`; nearest"),
        (GRAPH.replace("london -> b", "london = b"), "my.yaml:14:7: `london = b` names no link"),
        (GRAPH.replace("london -> b", "london <-> paris"), "says again what"),
        (GRAPH.replace("a <-> paris", "x <-> paris").replace("-> b", "-> y"), "nothing crosses it"),
    ],
)
def test_a_slip_is_told_with_its_place(load, text, complaint):
    with pytest.raises(ScenarioError) as caught:
        load(HEAD + text)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("", "is no matrix"),
        ("a,b\n", "is no matrix"),
        (",a,b\na,1ms\n", "rtt.csv:2:1: the row has 2 cells and the first one 3"),
        (",a\na,1ms\na,2ms\n", "rtt.csv:3:1: `a` has a row already"),
        (",a,b\na,,x\n", "`x`"),
        (",a,b\na,,5\n", "a duration needs a unit"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(load, tmp_path, table, complaint):
    (tmp_path / "rtt.csv").write_text(table)
    with pytest.raises(ScenarioError) as caught:
        load(HEAD + "  matrix: {file: rtt.csv}\n")
    assert complaint in str(caught.value)


LAUGHS = '<?xml version="1.0"?><!DOCTYPE g [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><graphml>&b;</graphml>'


@pytest.mark.parametrize(
    ("xml", "complaint"),
    [
        (LAUGHS, "declares entities"),
        ('<!doctype x SYSTEM "file:///etc/passwd"><graphml/>', "declares entities"),
        (LAUGHS.encode("utf-16"), "is no GraphML"),
        ("<graphml>" + "<graph>" * 20_000, "is no GraphML"),
        (GRAPHML.replace('target="2"', 'target="9"').replace('source="1"', ""), "nothing crosses it"),
        (GRAPHML.replace("400", "four"), "is no GraphML"),
        (GRAPHML.replace("3ms", "3 parsecs"), "unknown unit"),
        ("", "is no GraphML"),
        (" " * (1 << 20) + GRAPHML, "the limit file_size"),
    ],
)
def test_a_hostile_file_is_one_clear_error(load, tmp_path, xml, complaint):
    (tmp_path / "net.graphml").write_bytes(xml if isinstance(xml, bytes) else xml.encode())
    with pytest.raises(ScenarioError) as caught:
        load(HEAD + "  graph: {file: net.graphml}\n")
    assert complaint in str(caught.value)


def test_a_graph_with_too_many_links_is_refused(load, tmp_path):
    edges = "".join(f'<edge source="{n}" target="{n + 1}"/>' for n in range(10_001))
    (tmp_path / "net.graphml").write_text(f'<graphml><graph edgedefault="directed">{edges}</graph></graphml>')
    with pytest.raises(ScenarioError, match="the limit links of 10,000 is exceeded"):
        load(HEAD + "  graph: {file: net.graphml}\n")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(GRAPHML)), drop=st.integers(0, 40), put=st.text(max_size=12))
@example(at=187, drop=19, put="")
def test_whatever_stands_in_a_file_is_read_or_refused(load, tmp_path, at, drop, put):
    (tmp_path / "net.graphml").write_text(GRAPHML[:at] + put + GRAPHML[at + drop :], errors="replace")
    with suppress(ScenarioError):
        load(HEAD + "  graph: {file: net.graphml}\n")


def test_a_file_is_not_read_for_a_variant(load, tmp_path):
    (tmp_path / "net.graphml").write_text(GRAPHML)
    with pytest.raises(ScenarioError, match="not in a variant"):
        load(HEAD + "variants:\n  v: {network: {graph: {file: net.graphml}}}\n")
