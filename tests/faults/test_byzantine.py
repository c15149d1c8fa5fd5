"""Hosts that lie, equivocate, replay, withhold and hold back: what peers hear meanwhile, and that it is true after.

Whole scenarios of a small system are run: `s-0` sends a numbered note to every peer twice a second and asks `s-1`.
"""

from collections import Counter

import pytest

from simkit.language.problem import ScenarioError

SECOND = 10**9
HEAD = """
title: x
system: service
duration: 60s
hosts:
  s: {role: server, count: 5}
network: {default: {rtt: 2ms}}
config: {server: {notes: true}}
"""


@pytest.fixture
def heard(served):
    """Run a scenario with these faults; return (when, by whom, number, text) of every note, and the receipts."""

    def run(faults):
        one = served(HEAD, faults)
        notes, receipts = [], []

        def hear(record):
            event = record.value
            if record.detail[0] == "noted":
                notes.append((record.time_ns / SECOND, record.host, event.number, event.text))
            elif record.detail[0] == "receipted":
                receipts.append((record.time_ns / SECOND, event.sent, event.number))

        one.world.records.subscribe(("event",), hear)
        document = one.execute()
        assert document.error is None, document.error
        run.receipts, run.digest = receipts, document.digest
        return notes

    return run


def between(notes, begin, end):
    return [note for note in notes if begin <= note[0] < end]


def test_a_lie_changes_what_its_rule_says_while_it_lasts(heard):
    notes = heard("f: {lie: s-0, message: service.note/1, set: {text: awful}, add: {number: 1000}, at: 20s, for: 20s}")
    assert {text for _, _, _, text in between(notes, 0, 20)} == {"fine", "asked"}
    assert {text for _, _, _, text in between(notes, 20.1, 40)} == {"awful"}
    assert all(number > 1000 for _, _, number, _ in between(notes, 20.1, 40))
    assert {text for _, _, _, text in between(notes, 40.1, 60)} == {"fine", "asked"}
    assert all(number < 1000 for _, _, number, _ in between(notes, 40.1, 60))


def test_a_share_of_messages(heard):
    notes = heard("f: {lie: s-0, message: service.note/1, set: {text: awful}, share: 30%, at: 10s, forever: true}")
    texts = Counter(text for _, _, _, text in between(notes, 10.1, 60))
    assert 0.2 < texts["awful"] / texts.total() < 0.4


def test_a_reply_may_lie_too(heard):
    heard("f: {lie: s-1, message: service.receipt/1, add: {number: 7}, at: 20s, for: 20s}")
    wrong = [when for when, sent, told in heard.receipts if told == sent + 7]
    assert 38 <= len(wrong) <= 41
    assert 20 <= min(wrong) < max(wrong) < 40.1
    assert all(told in (sent, sent + 7) for _, sent, told in heard.receipts)


def test_equivocation_tells_every_peer_one_thing_and_not_all_the_same(heard):
    notes = heard("f: {equivocate: s-0, message: service.note/1, set: {text: awful}, at: 20s, for: 20s}")
    told = {}
    for _, host, _, text in between(notes, 20.1, 40):
        told.setdefault(host, set()).add("awful" if text == "awful" else "true")
    assert all(len(texts) == 1 for texts in told.values())
    assert {frozenset(texts) for texts in told.values()} == {frozenset({"awful"}), frozenset({"true"})}


def test_a_replay_sends_old_messages_again(heard):
    plain = Counter((host, number, text) for _, host, number, text in heard(""))
    assert set(plain.values()) == {1}
    notes = heard("f: {replay: s-0, message: service.note/1, share: 50%, after: 2s, at: 20s, for: 20s}")
    again = Counter((host, number, text) for _, host, number, text in notes)
    assert again.keys() == plain.keys()
    assert 70 < again.total() - plain.total() < 130  # 200 messages in this time
    assert all(number > 35 for host, number, _ in again if again[host, number, _] > 1)
    assert [sent for _, sent, told in heard.receipts if sent != told] == []


def test_what_is_withheld_reaches_nobody(heard):
    notes = heard("f: {withhold: s-0, message: service.note/1, at: 20s, for: 20s}")
    assert between(notes, 20.1, 40) == []
    assert len(between(notes, 40.1, 60)) > 150


def test_what_is_held_back_comes_late(heard):
    plain = {(host, number, text): when for when, host, number, text in heard("")}
    notes = heard("f: {hold_back: s-0, by: 3s, at: 20s, for: 20s}")
    late = {(host, number, text): when for when, host, number, text in notes}
    delays = Counter(round(late[key] - plain[key], 3) for key in plain if key in late)
    assert set(delays) == {0, 3}
    assert delays[3] == 200


def test_two_lies_at_once_add_up_and_end_in_either_order(heard):
    for first, second in ((10, 30), (30, 10)):
        notes = heard(
            f"f: {{lie: s-0, message: service.note/1, add: {{number: 1000}}, at: 10s, for: {first}s}}\n"
            f"g: {{lie: s-0, message: service.note/1, set: {{text: awful}}, at: 10s, for: {second}s}}"
        )
        both = between(notes, 10.1, 20)
        assert all(number > 1000 and text == "awful" for _, _, number, text in both)
        lasts = between(notes, 20.1, 40)
        assert {number > 1000 for _, _, number, _ in lasts} == {first == 30}
        assert {text == "awful" for _, _, _, text in lasts} == {second == 30}
        assert all(number < 1000 and text != "awful" for _, _, number, text in between(notes, 40.1, 60))


def test_one_host_does_not_move_the_draws_of_another(heard):
    def of(host, notes):
        return [note for note in notes if note[1] == host]

    one = heard("f: {lie: s-0, message: service.note/1, set: {text: awful}, share: 30%, at: 10s, for: 9s}")
    both = heard("f: {lie: [s-0, s-1], message: service.note/1, set: {text: awful}, share: 30%, at: 10s, for: 9s}")
    assert of("s-2", one) == of("s-2", both)


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("lie: s-0, message: service.nte/1, set: {text: x}", "the tag `service.nte/1`; nearest: `service.note/1`"),
        ("lie: s-0, message: service.note/1", "a lie changes something"),
        ("lie: s-0, message: service.note/1, set: {txt: x}", "`service.note/1` has no field `txt`; nearest: `text`"),
        ("lie: s-0, message: service.note/1, set: {number: x}", "note/1.number` cannot say `x`: Expected `int`"),
        ("lie: s-0, message: service.note/1, add: {text: 1}", "`service.note/1.text` cannot say `0`: Expected `str`"),
        ("lie: s-0, set: {text: x}", "`message` is missing"),
        ("withhold: s-0, message: vote/1", "no message has the tag `vote/1`"),
    ],
)  # fmt: skip
def test_a_rule_that_no_message_fits_is_refused(heard, fault, complaint):
    with pytest.raises(ScenarioError) as error:
        heard(f"f: {{{fault}, at: 1s, for: 1s}}")
    assert complaint in str(error.value)
