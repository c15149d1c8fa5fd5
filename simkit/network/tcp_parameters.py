"""The numbers that decide how streams behave, with the defaults of Linux.

They deliberately leave out what a model of flights does not need: no delayed acknowledgements, no pacing.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simkit.network.congestion import Algorithm


class TcpParameters(BaseModel):
    """How TCP-like streams behave on every host of a network.

    Attributes:
        receive_buffer: bytes a machine keeps for a connection until the process reads them: the receive window.
        send_buffer: bytes a machine takes from the process until they are acknowledged.
        congestion: how the congestion window grows and shrinks: CUBIC (RFC 9438) or Reno (RFC 5681).
        initial_window: segments that may leave before the first acknowledgement (RFC 6928).
        selective: the receiver tells what has arrived behind a gap (RFC 2018); without it recovery is NewReno's.
        limited_transmit: the first reports of a gap let new segments leave, so that small windows too notice a loss
            before the time-out (RFC 3042).
        slow_start_after_idle: the window shrinks while nothing is sent (tcp_slow_start_after_idle).
        flight_limit: bytes that travel as one event at most (65,536, as generic segmentation offload hands over).
        rto_initial_ns, rto_min_ns, rto_max_ns: retransmission time-out (RFC 6298); as on Linux it is at least rto_min
            longer than a round trip, so that it never strikes while an acknowledgement is due.
        retries: retransmissions without progress until ETIMEDOUT; 15 take about 15 minutes (tcp_retries2).
        syn_retries: repeated SYNs until ETIMEDOUT; 6 take 127 s (tcp_syn_retries).
        backlog_limit: upper bound of a listener's backlog (somaxconn).
        ephemeral_ports: first and last port that connections and servers on port 0 get (ip_local_port_range).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    receive_buffer: int = Field(default=262_144, ge=1_448)
    send_buffer: int = Field(default=262_144, ge=1_448)
    congestion: Algorithm = "cubic"
    initial_window: int = Field(default=10, ge=1, le=1000)
    selective: bool = True
    limited_transmit: bool = True
    slow_start_after_idle: bool = True
    flight_limit: int = Field(default=65_536, ge=1_448)
    rto_initial_ns: int = Field(default=10**9, gt=0)
    rto_min_ns: int = Field(default=200_000_000, gt=0)
    rto_max_ns: int = Field(default=120 * 10**9, gt=0)
    retries: int = Field(default=15, ge=0)
    syn_retries: int = Field(default=6, ge=0)
    backlog_limit: int = Field(default=4096, ge=1)
    ephemeral_ports: tuple[int, int] = (32_768, 60_999)

    @model_validator(mode="after")
    def _buffers_fit(self) -> Self:
        # A sender that waits for its own buffer rather than the window would have to be woken for that alone.
        if self.send_buffer < self.receive_buffer:
            raise ValueError("send_buffer must not be smaller than receive_buffer")
        return self
