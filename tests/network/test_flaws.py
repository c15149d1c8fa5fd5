"""Bursts, copies, overtaking and damage: each does what it says, as often as it says, and always takes its draws."""

import asyncio
import socket
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.hosts.host import Host
from simkit.kernel import Constant, Uniform, World
from simkit.laws.bursts import GilbertElliott
from simkit.network import Everything, Link, Message, Network, handles, touching
from simkit.network.endpoint import Endpoint
from simkit.network.flaw import Bursts, Corruption, Duplication, Reordering, damaged, struck_frames
from simkit.network.link import datagram_bytes, loss_of
from simkit.network.path import BLOCKED, CORRUPTED, LOST, ODD

MS = 10**6


def path_of(link, seed=1):
    world = World(seed)
    network = Network(world, link)
    hosts = [Host(world, name, index=index) for index, name in enumerate("ab")]
    for host in hosts:
        network.attach(host)
    return network.path(*hosts)


def outcomes(path, count, size=100):
    return [path.transit(size) for _ in range(count)]


# -- one draw for all frames


@given(luck=st.floats(0, 1, exclude_max=True), frames=st.integers(1, 50), share=st.floats(0, 1))
def test_a_draw_strikes_no_frame_exactly_when_it_lies_above_the_loss_of_the_packet(luck, frames, share):
    loss = loss_of(frames * 1514, share)
    if abs(luck - loss) > 1e-9:
        assert bool(struck_frames(luck, frames, share)) == (luck < loss)


def test_each_frame_is_struck_as_often_as_the_others_and_by_itself():
    stream = World(1).stream("test")
    counts, pairs = [0] * 5, 0
    for _ in range(20_000):
        struck = struck_frames(stream.random(), 5, 0.2)
        for frame in struck:
            counts[frame] += 1
        pairs += 1 in struck and 2 in struck
    assert counts == pytest.approx([4_000] * 5, rel=0.06)
    assert pairs == pytest.approx(800, rel=0.12)


# -- bursts


@pytest.mark.parametrize(("loss", "burst"), [(0.01, 5), (0.2, 3), (0.05, 20)])
def test_bursts_have_the_mean_loss_and_the_mean_length_of_gilberts_channel(loss, burst):
    lost = [answer == LOST for answer in outcomes(path_of(Link(bursts=Bursts.of_mean(loss, burst))), 100_000)]
    runs = sum(now and not before for before, now in zip([False, *lost], lost, strict=False))
    law = GilbertElliott.from_bursts(loss=loss, burst_packets=burst)
    assert sum(lost) / len(lost) == pytest.approx(law.mean_loss, rel=0.15)
    assert sum(lost) / runs == pytest.approx(law.mean_burst_packets, rel=0.1)


def test_lengths_of_bursts_are_geometric():
    lost = [answer == LOST for answer in outcomes(path_of(Link(bursts=Bursts.of_mean(0.2, 4))), 100_000)]
    lengths, run = [], 0
    for now in lost:
        if not now and run:
            lengths.append(run)
        run = run + 1 if now else 0
    for length in (1, 2, 4, 8):
        share = sum(each >= length for each in lengths) / len(lengths)
        assert share == pytest.approx((1 - 1 / 4) ** (length - 1), abs=0.02)


def test_elliotts_channel_loses_in_both_states():
    flaw = Bursts(0.02, 0.1, 0.01, 0.5)
    lost = outcomes(path_of(Link(bursts=flaw)), 100_000).count(LOST) / 100_000
    assert lost == pytest.approx(GilbertElliott(0.02, 0.1, 0.01, 0.5).mean_loss, rel=0.05)


def test_bursts_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="no frame in between"):
        Bursts.of_mean(0.9, 2)
    with pytest.raises(ValueError, match="at least one frame"):
        Bursts.of_mean(0.5, 0.5)
    with pytest.raises(ValueError, match="lies in"):
        Duplication(1.5)


# -- copies and overtaking


def test_packets_arrive_twice_as_often_as_said_and_the_copy_comes_later():
    path = path_of(Link(one_way=Constant(MS), duplication=Duplication(0.1, Constant(2 * MS))))
    answers = outcomes(path, 20_000)
    assert answers.count(ODD) / 20_000 == pytest.approx(0.1, rel=0.06)
    while path.transit(100) != ODD:
        pass
    assert (path.crossing.arrival_ns, path.crossing.copy_ns) == (MS, 2 * MS)


def test_packets_are_overtaken_as_often_as_said():
    path = path_of(Link(one_way=Constant(MS), reordering=Reordering(0.05, Constant(10 * MS))))
    late = [answer > MS for answer in outcomes(path, 20_000)]
    assert sum(late) / 20_000 == pytest.approx(0.05, rel=0.1)


# -- damage


def checksum(data):
    """Return the Internet checksum (RFC 1071)."""
    padded = data + bytes(len(data) % 2)
    total = sum(int.from_bytes(padded[at : at + 2]) for at in range(0, len(padded), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@given(data=st.binary(min_size=1, max_size=80), place=st.integers(0, 2**64 - 1))
def test_damage_changes_the_data_and_the_checksum_does_not_notice(data, place):
    spoiled = damaged(data, place)
    changed = sum((one ^ other).bit_count() for one, other in zip(data, spoiled, strict=True))
    assert changed in (1, 2)
    if changed == 2:
        assert checksum(spoiled) == checksum(data)


def test_nearly_all_damage_is_found_and_is_a_loss():
    path = path_of(Link(corruption=Corruption(0.1, unnoticed=0.05)))
    answers = outcomes(path, 40_000)
    assert answers.count(CORRUPTED) / 40_000 == pytest.approx(0.095, rel=0.06)
    assert answers.count(ODD) / 40_000 == pytest.approx(0.005, rel=0.25)


def test_a_stream_survives_damage_that_is_found(new_site):
    assert sent_through(new_site, Corruption(0.02)) == 300 * 1000 * bytes([7])


def test_a_stream_delivers_damage_that_is_not_found(new_site):
    got = sent_through(new_site, Corruption(0.02, unnoticed=1.0))
    assert len(got) == 300_000
    assert got != 300_000 * bytes([7])


def sent_through(new_site, flaw):
    site = new_site()
    site.network.add_flaw(touching("a"), flaw)
    got = bytearray()

    async def take(reader, writer):
        while data := await reader.read(65_536):
            got.extend(data)
        writer.close()

    async def give(host):
        _, writer = await asyncio.open_connection("b", 80)
        writer.write(300_000 * bytes([7]))
        writer.close()
        await writer.wait_closed()

    async def serve(host):
        server = await asyncio.start_server(take, port=80)
        await server.serve_forever()

    site.host("b", serve)
    site.host("a", give)
    site.run(60)
    return bytes(got)


class Note(Message, tag="test.flaws.note/1"):
    text: str


@dataclass
class Heard:
    texts: list[str]

    @handles(Note)
    def note(self, note: Note) -> None:
        self.texts.append(note.text)


def messages_through(new_site, flaw, count=200):
    site = new_site()
    heard = Heard([])

    async def idle(host):
        await asyncio.sleep(100)

    for name in "ab":
        site.host(name, idle)
    Endpoint(site.network, site.hosts["b"], heard)
    sender = Endpoint(site.network, site.hosts["a"])
    site.network.add_flaw(Everything(), flaw)
    for number in range(count):
        site.at(number / 100, sender.send, "b", Note(f"number {number}"))
    site.run(10)
    return heard.texts, [told[-1] for told in site.told("message")]


def test_a_message_may_come_twice(new_site):
    texts, _ = messages_through(new_site, Duplication(1.0, Constant(30 * MS)))
    assert len(texts) == 400
    assert sorted(texts) == sorted([f"number {number}" for number in range(200)] * 2)
    assert texts[:4] != ["number 0"] * 2 + ["number 1"] * 2


def test_a_message_may_come_with_another_text_or_make_no_sense(new_site):
    texts, told = messages_through(new_site, Corruption(1.0, unnoticed=1.0))
    assert 0 < told.count("unreadable") < 200
    assert len(texts) == told.count("delivered") == 200 - told.count("unreadable")
    assert any(text not in {f"number {number}" for number in range(200)} for text in texts)


# -- the size of packets


def test_a_long_datagram_travels_in_fragments_and_is_lost_with_any_of_them():
    assert datagram_bytes(1472) == 1514
    assert datagram_bytes(1473) == 1473 + 8 + 2 * 34
    assert datagram_bytes(65_507) == 65_507 + 8 + 45 * 34
    path = path_of(Link(loss=0.01, mtu=576))
    size = datagram_bytes(8_000, 576)
    lost = outcomes(path, 10_000, size).count(LOST) / 10_000
    assert lost == pytest.approx(1 - 0.99 ** -(-8_008 // 552), rel=0.1)


def test_large_packets_vanish_in_a_black_hole_and_small_ones_pass():
    path = path_of(Link(one_way=Constant(MS)))
    undo = path.network.limit_packets(Everything(), 1400, silent=True)
    assert [path.transit(size) for size in (100, 1414, 1415, 60_000)] == [MS, MS, BLOCKED, BLOCKED]
    undo()
    assert path.transit(1514) == MS


def test_a_stream_learns_of_smaller_packets_and_starves_in_a_black_hole(new_site):
    def transferred(silent):
        site = new_site()
        got = []

        async def take(reader, writer):
            while data := await reader.read(65_536):
                got.append(len(data))
            writer.close()

        async def serve(host):
            server = await asyncio.start_server(take, port=80)
            await server.serve_forever()

        async def give(host):
            await asyncio.sleep(1)
            _, writer = await asyncio.open_connection("b", 80)
            writer.write(b"small")
            await asyncio.sleep(1)
            writer.write(bytes(100_000))
            await asyncio.sleep(100)

        site.host("b", serve)
        site.host("a", give)
        site.network.limit_packets(Everything(), 1000, silent=silent)
        site.run(50)
        return sum(got)

    assert transferred(silent=False) == 100_005
    assert transferred(silent=True) == 5


def test_a_datagram_that_may_not_be_cut_is_refused_where_it_does_not_fit(site):
    seen = {}

    async def send(host):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.sendto(bytes(3_000), ("b", 9))
        made.setsockopt(socket.IPPROTO_IP, 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO
        made.sendto(bytes(1_472), ("b", 9))
        try:
            made.sendto(bytes(1_473), ("b", 9))
        except OSError as error:
            seen["error"] = error.strerror
        made.close()

    async def idle(host):
        await asyncio.sleep(10)

    site.host("b", idle)
    site.host("a", send)
    site.run(5)
    assert seen == {"error": "Message too long"}


# -- draws

FLAWS = [Bursts(0.1, 0.3), Duplication(0.3), Reordering(0.3, Uniform(0, MS)), Corruption(0.3)]


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: type(flaw).__name__)
def test_a_flaw_takes_its_draws_whatever_else_becomes_of_the_packet(flaw):
    def after(disturbed):
        path = path_of(Link(one_way=Uniform(MS, 2 * MS)))
        network = path.network
        network.add_flaw(Everything(), flaw, name="it")
        undo = [network.cut(selector=Everything()), network.add_loss(Everything(), 0.5)] if disturbed else []
        outcomes(path, 50)
        for each in undo:
            each()
        return [path.transit(100) for _ in range(50)]

    assert after(True) == after(False)
