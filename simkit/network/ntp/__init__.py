"""The Network Time Protocol, version 4 (RFC 5905), between the clocks of simulated machines.

Samples, the clock filter, the selection of truechimers and the clock discipline are the protocol's; packets take the
network's paths. It deliberately leaves out authentication, the modes other than client and server, and huff-and-puff.
"""

from simkit.network.ntp.daemon import TimeDaemon

__all__ = ["TimeDaemon"]
