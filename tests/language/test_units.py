"""Quantities are exact, need their unit, and read back as they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from simkit.kernel import distribution
from simkit.language.problem import Refusal
from simkit.language.units import (
    Bandwidth,
    Distribution,
    Drift,
    Duration,
    Fraction,
    Frequency,
    Offset,
    Rate,
    Size,
    format_clock,
    format_distribution,
    format_duration,
    read_distribution,
)

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("90s", 90 * SECOND),
        ("1.5ms", 1_500_000),
        ("20 min", 1200 * SECOND),
        ("0.1s", 10**8),
        ("2h", 7200 * SECOND),
        ("0s", 0),
        ("7ns", 7),
    ],
)
def test_a_duration_is_whole_nanoseconds(text: str, ns: int) -> None:
    assert Duration.parse(text) == ns


def test_a_duration_knows_its_seconds() -> None:
    assert Duration.parse("1500ms").seconds == 1.5


@pytest.mark.parametrize(
    ("kind", "value", "refusal"),
    [
        (Duration, 60, "a duration needs a unit: write for example `60s`, not `60`"),
        (Duration, "60", "write for example `60s`"),
        (Duration, 0, "needs a unit"),
        (Duration, 1.5, "write for example `1.5s`"),
        (Duration, "60m", "unknown unit `m`"),
        (Duration, "-1s", "cannot be negative"),
        (Duration, "0.3ns", "finer than a nanosecond"),
        (Duration, "1e9s", "is not a duration"),
        (Duration, "9" * 20 + "d", "too large"),
        (Duration, True, "found `true`"),
        (Duration, None, "found nothing"),
        (Duration, ["1s"], "found a list"),
        (Rate, "17/s", "`17/s total` (all hosts together) or `17/s each`"),
        (Rate, 17, "`17/s total`, not `17`"),
        (Rate, "0/s total", "above zero"),
        (Bandwidth, "1Gbps", "unknown unit `Gbps`"),
        (Bandwidth, "0bit/s", "above zero"),
        (Size, "64K", "unknown unit `K`"),
        (Size, "1.5B", "finer than a byte"),
        (Fraction, 0.5, "needs a unit"),
        (Fraction, "150%", "between 0% and 100%"),
        (Drift, "-60%", "slower than"),
        (Frequency, "5/s each", "`each` has no meaning here; write `5/s`"),
    ],
)
def test_refused_with_what_to_write(kind: type[Duration], value: object, refusal: str) -> None:
    with pytest.raises(Refusal) as error:
        kind.parse(value)
    assert refusal in error.value.message


@pytest.mark.parametrize(
    ("kind", "text", "nearest"),
    [
        (Duration, "60m", "`60min`"),
        (Duration, "5sec", "`5s`"),
        (Size, "64K", "`64KiB`"),
        (Bandwidth, "1Gbps", "`1Gbit/s`"),
    ],
)
def test_a_neighbours_unit_has_a_nearest(kind: type[Duration], text: str, nearest: str) -> None:
    with pytest.raises(Refusal) as error:
        kind.parse(text)
    assert error.value.nearest == nearest


def test_other_quantities() -> None:
    assert Bandwidth.parse("1Gbit/s") == 10**9
    assert Bandwidth.parse("100MB/s") == 8 * 10**8
    assert Size.parse("64KiB") == 65536
    assert Fraction.parse("0.01%") == 0.0001
    assert Drift.parse("-20ppm") == -20_000
    assert Offset.parse("-5min") == -300 * SECOND
    assert Frequency.parse("90/min") == 1.5
    assert Rate.parse("6/min each") == Rate(0.1, "each")


def test_a_total_rate_is_shared() -> None:
    assert Rate.parse("17/s total").of_one(4) == 4.25
    assert Rate.parse("17/s each").of_one(4) == 17


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Duration, "20min"),
        (Duration, "1500ms"),
        (Offset, "-5min"),
        (Bandwidth, "1Gbit/s"),
        (Size, "64KiB"),
        (Size, "1MB"),
        (Fraction, "0.01%"),
        (Drift, "20ppm"),
        (Drift, "-0.001ppm"),
        (Rate, "17/s total"),
        (Frequency, "2.5/s"),
    ],
)
def test_written_back_as_read(kind: type[Duration], text: str) -> None:
    assert str(kind.parse(text)) == text


@given(st.integers(0, 2**62))
def test_every_duration_reads_back(ns: int) -> None:
    assert Duration.parse(str(Duration(ns))) == ns


@given(st.integers(-(10**9) // 2 + 1, 10**9))
def test_every_drift_reads_back(ppb: int) -> None:
    assert Drift.parse(str(Drift(ppb))) == ppb


@given(st.integers(0, 1 << 60))
def test_every_size_reads_back(size: int) -> None:
    assert Size.parse(str(Size(size))) == size


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("40ms", distribution.Constant(4e7)),
        ("exp(1s)", distribution.Exponential(1e9)),
        ("uniform(1s, 2s)", distribution.Uniform(1e9, 2e9)),
        ("normal(10ms, 2ms)", distribution.Normal(1e7, 2e6)),
    ],
)
def test_distributions_are_the_kernels_in_nanoseconds(text: str, value: distribution.Distribution) -> None:
    assert read_distribution(text) == value
    assert format_distribution(value) == text


def test_median_and_p99_make_a_log_normal() -> None:
    value = read_distribution({"median": "0.5ms", "p99": "4ms"})
    assert isinstance(value, distribution.LogNormal)
    assert value.median == 500_000
    assert value.sigma == pytest.approx(0.893865, rel=1e-5)
    assert format_distribution(value) == "lognormal(500us, 4ms)"
    assert read_distribution("lognormal(500us, 4ms)") == value


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        (3, "needs a unit"),
        ("exp(1)", "needs a unit"),
        ("expo(1s)", "unknown distribution `expo`"),
        ("normal(1s)", "normal(mean, std)"),
        ("uniform(2s, 1s)", "the low end lies above"),
        ("exp(1s", "is not a distribution"),
        ({"median": "1ms"}, "needs both"),
        ({"median": "4ms", "p99": "1ms"}, "median <= p99"),
        ({"median": "4ms", "p95": "1ms"}, "unknown key `p95`"),
    ],
)
def test_distributions_refused(value: object, refusal: str) -> None:
    with pytest.raises(Refusal) as error:
        read_distribution(value)
    assert refusal in error.value.message


@pytest.mark.parametrize(
    ("ns", "shown"),
    [
        (1200 * SECOND, "20 min"),
        (90 * SECOND, "90 s"),
        (1_400_000_000, "1.4 s"),
        (1_312_345_678, "1.31 s"),
        (32_100_000_000, "32.1 s"),
        (999_999_999, "1 s"),
        (350_000, "350 us"),
        (0, "0 s"),
        (-2 * SECOND, "-2 s"),
        (3 * 86_400 * SECOND, "3 d"),
    ],
)
def test_durations_for_people(ns: int, shown: str) -> None:
    assert format_duration(ns) == shown


@pytest.mark.parametrize(
    ("ns", "shown"),
    [(358_207_000_000, "05:58.207"), (0, "00:00.000"), (3_958_207_999_999, "1:05:58.207"), (-SECOND, "-00:01.000")],
)
def test_moments_as_a_clock_shows_them(ns: int, shown: str) -> None:
    assert format_clock(ns) == shown


class Config(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    lease: Duration = Duration.parse("60s")
    service: Distribution = read_distribution("exp(1s)")
    rate: Rate | None = None
    size: Size | None = None


def test_a_systems_config_uses_them_as_fields() -> None:
    config = Config.model_validate({"lease": "5s", "service": {"median": "1ms", "p99": "2ms"}, "rate": "1/s each"})
    assert config.lease.seconds == 5
    assert config.model_dump(mode="json")["service"] == "lognormal(1ms, 2ms)"
    assert Config.model_validate_json(config.model_dump_json()) == config


def test_they_describe_themselves_in_json_schema() -> None:
    schema = Config.model_json_schema()["properties"]
    assert schema["lease"]["pattern"].endswith("(ns|us|ms|s|min|h|d)$")
    assert schema["lease"]["default"] == "1min"
    assert "exp(1s)" in schema["service"]["examples"]
