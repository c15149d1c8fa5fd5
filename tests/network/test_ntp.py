"""NTP between simulated clocks: it converges, learns a crystal's error, and is fooled by exactly what fools it.

The laws: on a path that takes longer one way the error is half of the difference; a clock that is cut off drifts with
what its discipline did not learn; the truth lies within the bound that the daemon gives.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.hosts.clock import Clock
from simkit.hosts.host import Host
from simkit.kernel import Constant, LogNormal, World
from simkit.network.link import Link
from simkit.network.network import Network
from simkit.network.ntp import TimeDaemon
from simkit.network.ntp.discipline import Discipline
from simkit.network.ntp.sample import ClockFilter, Sample
from simkit.network.ntp.selection import Claim, combined_offset_ns, intersection, truechimers
from simkit.network.selector import pairs

SECOND = 10**9
SETTLED = 7200
"""Seconds until the loop is within 0.1 %: polled every 4 s, its slow pole is at 955 s (omega 1/256, damping 2)."""
MILLISECOND = 10**6
QUIET = Link(one_way=Constant(5 * MILLISECOND))
NOISY = Link(one_way=LogNormal(5 * MILLISECOND, 0.5))


class Site:
    """Time servers t0, t1, ... and one client whose clock is wrong."""

    def __init__(self, link=QUIET, servers=1, poll_s=4, seed=1, **wrong):
        self.world = World(seed)
        self.network = Network(self.world, link)
        self.servers = [Host(self.world, f"t{n}", index=n) for n in range(servers)]
        self.client = Host(self.world, "client", index=servers, clock=Clock(self.world, **wrong))
        interfaces = [self.network.attach(host) for host in [*self.servers, self.client]]
        for host in [*self.servers, self.client]:
            host.boot()
        self.daemon = TimeDaemon(interfaces[-1], tuple(interfaces[:-1]), poll_s * SECOND)
        self.daemon.start()

    @property
    def error_ns(self):
        return self.client.clock.wall_ns() - self.world.epoch_ns - self.world.now_ns

    def run(self, seconds):
        self.world.run(self.world.now_ns + round(seconds * SECOND))
        return self


@pytest.fixture
def site():
    made = []

    def make(*args, **options):
        made.append(Site(*args, **options))
        return made[-1]

    yield make
    for each in made:
        each.world.close()


def test_a_large_first_offset_is_stepped_at_once(site):
    there = site(offset_ns=3600 * SECOND).run(1)
    assert abs(there.error_ns) < 10_000
    assert there.client.clock.monotonic_ns() == SECOND


def test_a_small_offset_is_worn_off_without_a_step_and_time_never_goes_back(site):
    there = site(offset_ns=50 * MILLISECOND)
    before = there.client.clock.wall_ns()
    for _ in range(300):
        there.run(1)
        assert there.client.clock.wall_ns() > before
        before = there.client.clock.wall_ns()
    assert there.daemon._discipline.steps == 0
    assert abs(there.run(SETTLED).error_ns) < MILLISECOND // 10


def test_the_error_of_a_crystal_is_learnt(site):
    there = site(drift_ppb=50_000).run(SETTLED)
    assert there.daemon._discipline.frequency_ppb == pytest.approx(-50_000, rel=0.002)
    assert abs(there.error_ns) < MILLISECOND // 100


def test_on_an_asymmetric_path_the_error_is_half_of_the_difference(site):
    there = site()
    there.network.add_latency(pairs([("client", "t0")], one_way=True), Constant(8 * MILLISECOND))
    there.run(SETTLED)
    # A question that takes 8 ms longer makes the server seem 4 ms ahead.
    assert there.error_ns == pytest.approx(4 * MILLISECOND, rel=0.01)


def test_cut_off_it_drifts_with_what_it_did_not_learn_and_its_bound_grows_with_15_ppm(site):
    there = site(drift_ppb=20_000).run(1800)
    there.network.cut([["client"], ["t0"]])
    there.run(1800)
    left_ppb = there.client.clock.drift_ppb
    assert left_ppb > 1000
    error_ns, bound_ns = there.error_ns, there.client.clock.error_ns()
    there.run(1000)
    assert there.error_ns - error_ns == pytest.approx(left_ppb * 1000, rel=0.01)
    assert there.client.clock.error_ns() - bound_ns == pytest.approx(15_000 * 1000, rel=0.01)
    assert not there.daemon.synchronized


def test_one_server_of_three_that_lies_is_not_believed(site):
    there = site(servers=3)
    there.servers[1].clock.shift(500 * MILLISECOND)
    there.run(600)
    assert there.daemon.synchronized
    assert abs(there.error_ns) < MILLISECOND


def test_two_servers_that_disagree_are_no_majority(site):
    there = site(servers=2, offset_ns=10 * MILLISECOND)
    there.servers[1].clock.shift(10 * SECOND)
    there.run(600)
    assert not there.daemon.synchronized
    assert abs(there.error_ns) <= 10 * MILLISECOND


@pytest.mark.parametrize("seed", range(5))
def test_the_truth_lies_within_the_bound(site, seed):
    there = site(link=NOISY, servers=3, seed=seed, offset_ns=80 * MILLISECOND, drift_ppb=12_000)
    there.run(10)
    for _ in range(300):
        there.run(3)
        clock = there.client.clock
        assert clock.earliest_ns() <= there.world.epoch_ns + there.world.now_ns <= clock.latest_ns()
    assert there.client.clock.error_ns() < 30 * MILLISECOND


def test_a_power_cut_stops_the_daemon_and_a_boot_starts_it_again(site):
    there = site(drift_ppb=50_000).run(SETTLED)
    there.client.power_cut()
    there.client.clock.shift(SECOND)
    there.run(100)
    assert there.error_ns > SECOND // 2
    there.client.boot()
    there.run(2000)
    assert abs(there.error_ns) < MILLISECOND


def test_killing_the_node_does_not_touch_the_daemon(site):
    there = site(offset_ns=50 * MILLISECOND)
    there.client.kill()
    assert abs(there.run(SETTLED).error_ns) < MILLISECOND // 10


def test_a_process_that_boots_again_does_not_make_a_second_daemon(site):
    there = site()
    there.network.cut([["client"], ["t0"]])
    there.run(100)
    asked = []
    there.daemon._ask = asked.append
    for _ in range(3):
        there.client.kill()
        there.client.boot()
    there.run(40)
    assert len(asked) == 10


def test_a_daemon_that_hears_nobody_leaves_the_clock_alone(site):
    there = site(offset_ns=5 * MILLISECOND)
    undo = there.client.clock.synchronizer.silence()
    assert there.run(100).error_ns == 5 * MILLISECOND
    undo()
    assert abs(there.run(SETTLED).error_ns) < MILLISECOND // 10


# -- the parts


def test_the_filter_believes_the_fastest_of_the_last_eight():
    samples = ClockFilter()
    for delay_ns in (5, 1, *range(10, 26, 2)):
        samples.add(Sample(delay_ns, delay_ns, 0, 0, 0, 0))
    assert samples.best(0).delay_ns == 10
    samples = ClockFilter()
    for delay_ns in (5, 1, *range(10, 24, 2)):
        samples.add(Sample(delay_ns, delay_ns, 0, 0, 0, 0))
    assert samples.best(0).delay_ns == 1


def test_a_sample_grows_old():
    samples = ClockFilter()
    samples.add(Sample(0, 100_000, 0, 0, 0, time_ns=0))
    samples.add(Sample(0, 150_000, 0, 0, 0, time_ns=100 * SECOND))
    assert samples.best(100 * SECOND).delay_ns == 150_000


offsets = st.integers(-(10**12), 10**12)
claims = st.lists(st.tuples(offsets, st.integers(1, 10**10)), min_size=1, max_size=7).map(
    lambda found: [Claim(number, offset, distance, 1) for number, (offset, distance) in enumerate(found)]
)


def shared_by(claims, place):
    return sum(claim.low_ns <= place <= claim.high_ns for claim in claims)


@given(claims)
def test_the_intersection_is_shared_by_a_majority(claims):
    found = intersection(claims)
    if found is not None:
        low_ns, high_ns = found
        assert low_ns <= high_ns
        assert shared_by(claims, low_ns) > len(claims) / 2
        assert shared_by(claims, high_ns) > len(claims) / 2


@given(claims, offsets)
def test_a_majority_that_contains_the_truth_is_found(claims, truth):
    nearest_ns = min(claim.distance_ns for claim in claims)
    good = [claim._replace(offset_ns=truth + nearest_ns // 3) for claim in claims]
    liars = [Claim(len(good) + n, truth + 10**15 * (n + 1), 1, 1) for n in range((len(good) - 1) // 2)]
    low_ns, high_ns = intersection(good + liars)
    assert low_ns <= truth <= high_ns
    assert not {claim.server for claim in truechimers(good + liars)} & {claim.server for claim in liars}


@given(claims)
def test_the_combined_offset_lies_among_the_offsets(claims):
    offset_ns = combined_offset_ns(claims)
    assert min(c.offset_ns for c in claims) - 1 <= offset_ns <= max(c.offset_ns for c in claims)


def test_a_spike_is_ignored_and_an_offset_that_lasts_is_stepped():
    world = World(1)
    clock = Clock(world)
    discipline = Discipline(clock, 64 * SECOND)
    discipline.update(0)
    assert not discipline.update(SECOND)
    world.run(899 * SECOND)
    assert not discipline.update(SECOND)
    world.run(901 * SECOND)
    assert discipline.update(SECOND)
    assert clock.offset_ns == SECOND
    world.close()
