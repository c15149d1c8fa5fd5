"""The words of `network:`: what a link's flaws, tiers and streams' parameters become, and what is refused."""

import pytest

from simkit.kernel import Constant, Empirical
from simkit.language.problem import ScenarioError
from simkit.language.schema import language_schema
from simkit.network.flaw import Bursts, Corruption, Duplication, Reordering
from simkit.network.queue import CoDel
from simkit.network.tcp_parameters import TcpParameters

TEXT = """\
title: A network with everything
system: task_queue
duration: 1min
hosts:
  broker: {role: broker, zone: a, rack: r1}
  workers: {role: worker, count: 4, zones: [a, b]}
network:
  default: {rtt: 10ms, loss: 1%}
  same_zone: {rtt: 2ms}
  a <-> b:
    one_way: {samples: [1ms, 9ms, 5ms]}
    bursts: {loss: 2%, length: 5}
    duplicate: {share: 1%, after: 3ms}
    reorder: {share: 5%, by: 20ms}
    corrupt: {share: 0.1%, unnoticed: 50%}
    bandwidth: 10Mbit/s
    queue: 64KiB
    codel: {target: 10ms}
    mtu: 1400B
  broker -> workers: {one_way: {quantiles: [1ms, 2ms, 4ms]}}
  tcp: {congestion: reno, window: 4MiB, initial_window: 4, selective: false, rto_min: 50ms}
"""


def test_a_link_becomes_what_it_says(load):
    wiring = load(TEXT).wiring
    link = next(wire.link for wire in wiring.wires if wire.both)
    assert link.one_way == Empirical((1e6, 5e6, 9e6))
    assert link.loss == 0.01  # as the default has it
    assert link.flaws == (
        Bursts.of_mean(0.02, 5),
        Duplication(0.01, Constant(3e6)),
        Reordering(0.05, Constant(2e7)),
        Corruption(0.001, 0.5),
    )
    assert (link.bandwidth, link.queue_limit, link.mtu) == (10**7, 65_536, 1400)
    assert link.codel == CoDel(target_ns=10**7)


def test_tiers_and_streams_are_what_they_say(load):
    wiring = load(TEXT).wiring
    assert wiring.same_zone.one_way == Constant(1e6)
    assert wiring.same_rack is None
    assert wiring.tcp == TcpParameters(
        congestion="reno",
        receive_buffer=4 << 20,
        send_buffer=4 << 20,
        initial_window=4,
        selective=False,
        rto_min_ns=50_000_000,
    )


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("same_zone:", "same_zoen:", "`same_zoen` names no link"),
        ("same_zone:", "same_zoen:", "nearest: `same_zone`"),
        ("bursts:", "burst:", "unknown key `burst` in `network.a <-> b`; nearest: `bursts`"),
        ("length: 5", "length: 0", "must be at least 1.0, found `0`"),
        ("{loss: 2%, length: 5}", "{loss: 90%, length: 2}", "would need no frame in between"),
        ("share: 5%", "share: 500%", "a fraction lies between 0% and 100%"),
        ("after: 3ms", "affter: 3ms", "unknown key `affter` in `network.a <-> b.duplicate`; nearest: `after`"),
        ("target: 10ms", "target: 1s", "the target delay of a queue lies below its interval"),
        ("mtu: 1400B", "mtu: 100B", "must be at least 576"),
        ("mtu: 1400B", "mtu: 1400", "a size needs a unit"),
        ("queue: 64KiB", "queue: 0B", "must be above 0"),
        ("congestion: reno", "congestion: renno", "nearest: `reno`"),
        ("window: 4MiB", "windows: 4MiB", "unknown key `windows` in `network.tcp`; nearest: `window`"),
        ("[1ms, 9ms, 5ms]", "[1ms]", "`samples` takes a list of 2 to 10,000 durations"),
        ("[1ms, 2ms, 4ms]", "[1ms, 4ms, 2ms]", "quantiles do not decrease"),
        ("samples:", "sampels:", "unknown key `sampels` in a distribution"),
    ],
)
def test_a_slip_is_told_with_its_line_and_the_right_word(load, right, wrong, complaint):
    assert right in TEXT
    with pytest.raises(ScenarioError) as caught:
        load(TEXT.replace(right, wrong))
    assert complaint in str(caught.value)
    number = next(number for number, line in enumerate(TEXT.splitlines(), 1) if right in line)
    assert f".yaml:{number}:" in str(caught.value)


REGIONS = """\
title: Two regions
system: task_queue
duration: 1min
hosts:
  broker: {role: broker, zone: a, region: eu}
  workers: {role: worker, count: 6, zones: [a, b, c], regions: [eu, eu, us]}
network:
  default: {rtt: 80ms}
  same_region: {rtt: 4ms}
  eu <-> us: {loss: 1%}
faults:
  away: {partition: [[region eu], [region us]], at: 10s, for: 5s}
  lost: {kill: any region, at: 20s, for: 5s}
"""


def test_regions_hold_zones_and_are_targets_and_ends_of_links(load):
    scenario = load(REGIONS)
    assert [host.region for host in scenario.roster.hosts] == ["eu", "eu", "eu", "us", "eu", "eu", "us"]
    assert scenario.wiring.same_region.one_way == Constant(2e6)
    assert [(wire.source, wire.target) for wire in scenario.wiring.wires] == [("eu", "us")]


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("regions: [eu, eu, us]", "regions: [us, eu, us]", "zone `a` would stand in regions `eu`, `us`"),
        ("regions: [eu, eu, us]", "regions: [eu, eu, c]", "`c` is a region and a zone or rack"),
        ("[region us]", "[region as]", "unknown region `as`"),
        ("region: eu}", "region: eu, regions: [eu]}", "`region` and `regions` are both given"),
    ],
)
def test_regions_that_make_no_sense_are_refused(load, right, wrong, complaint):
    with pytest.raises(ScenarioError) as caught:
        load(REGIONS.replace(right, wrong))
    assert complaint in str(caught.value)


def test_the_schema_completes_links_and_their_flaws(registry):
    definitions = language_schema(registry)["$defs"]
    network = definitions["NetworkModel"]
    assert set(network["properties"]) >= {"default", "same_zone", "same_rack", "tcp"}
    assert {"$ref": "#/$defs/LinkModel"} in network["additionalProperties"]["anyOf"]
    assert set(definitions["LinkModel"]["properties"]) >= {"rtt", "bursts", "duplicate", "reorder", "corrupt", "mtu"}
    assert definitions["BurstsModel"]["required"] == ["loss", "length"]
