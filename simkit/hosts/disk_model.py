"""How fast and how large a disk is, and the named drives of scenario files.

It deliberately is a table of figures with their sources and no behaviour: what a disk does is in `disk`.
"""

from pydantic import BaseModel, ConfigDict, Field, InstanceOf

from simkit.kernel.distribution import Constant, Distribution, LogNormal, Uniform

_BILLION = 10**9


class DiskModel(BaseModel):
    """How fast and how large a disk is. Latencies are distributions in nanoseconds; None is without limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: InstanceOf[Distribution] = Constant(0)
    """Time to the first byte of a read from the device."""
    write: InstanceOf[Distribution] = Constant(0)
    """Time of a system call that copies into the page cache."""
    sync: InstanceOf[Distribution] = Constant(0)
    """Time of a sync beside the transfer of its bytes: the journal's commit and the drive's flush."""
    read_bandwidth: int | None = Field(default=None, gt=0)
    """Bytes per second from the device."""
    copy_bandwidth: int | None = Field(default=None, gt=0)
    """Bytes per second into the page cache."""
    sync_bandwidth: int | None = Field(default=None, gt=0)
    """Bytes per second to the device."""
    sector: int = Field(default=512, gt=0)
    """Bytes that reach the device whole or not at all."""
    write_back_ns: int | None = Field(default=30 * _BILLION, ge=0)
    """Age at which the kernel makes a change durable by itself (Linux: vm.dirty_expire_centisecs, 30 s); None never."""
    capacity: int = Field(default=2**30, gt=0)
    """Bytes of all files together, kept in memory; a write beyond it fails with ENOSPC."""


def _drive(read: Distribution, sync: Distribution, *, read_mb: int, sync_mb: int) -> DiskModel:
    """Return a drive of so many MB/s behind the page cache of an ordinary machine.

    A write is a system call of about a microsecond and a copy at 4 GB/s, after Dean's "Numbers Everyone Should Know"
    (LADIS 2009): 250 us to read 1 MB from memory.
    """
    bandwidths = {"read_bandwidth": read_mb * 10**6, "sync_bandwidth": sync_mb * 10**6, "copy_bandwidth": 4 * 10**9}
    return DiskModel(read=read, write=Constant(1_000), sync=sync, **bandwidths)


MODELS: dict[str, DiskModel] = {
    "ideal": DiskModel(),
    "ssd": _drive(LogNormal(110_000, 0.325), LogNormal(150_000, 0.54), read_mb=500, sync_mb=490),
    "nvme": _drive(LogNormal(85_000, 0.325), LogNormal(30_000, 0.4), read_mb=3_200, sync_mb=1_050),
    "hdd": _drive(Uniform(7_400_000, 15_730_000), Uniform(8_200_000, 16_530_000), read_mb=154, sync_mb=154),
    "logcabin": DiskModel(sync=Uniform(10_000_000, 11_000_000)),
}
"""The named models.

ideal: takes no time; still loses what is not synced.
ssd: a SATA data-centre drive, Intel DC S4500 product specification: random read 110 us typical and 300 us at 99.9 %,
    500 and 490 MB/s; a sync as about three random writes of 52 us (data, journal, flush), with the 99.9 % of writes
    there (800 us) as its tail.
nvme: Intel P4500 2 TB (Lenovo product guide): random read 85 us, 3.2 and 1.05 GB/s; the tail of reads is that of the
    SATA drive. A sync of some tens of us is what drives with power loss protection are known for (Callaghan, "SSDs,
    power loss protection and fsync latency", 2026); 30 us and its tail are an estimate. Drives without that protection
    take milliseconds: describe such a drive by a model of your own.
hdd: 7200 rpm, WD Ultrastar DC HC310 specification: average seek 7.4 ms to read and 8.2 ms to write, then anything up
    to one revolution of 8.33 ms; 154 MB/s is from StorageReview on a WD Black of 4 TB. A sync pays one positioning.
logcabin: a sync takes 10 to 11 ms and nothing else takes time: with 2 to 2.5 ms one way a vote takes the 15 ms that
    the evaluation of Raft gives as broadcast time (Ongaro and Ousterhout, USENIX ATC 2014, section 9.3).
"""
