"""The fence: what a host's code can reach of the real world is the host's own, or an error that names the line.

`install` puts it up, once for an interpreter, in every worker before anything else happens there. It is armed only
while a world runs on this thread and its code is a host's (`whereabouts`): clocks, entropy and identity then answer for
the host, what would wait is refused (`blocking`), and so are files, sockets, processes and threads (`gate`, `threads`).

It deliberately is no sandbox: it catches what a program reaches for, not what one does to hide. What it cannot see
stands in `docs/limits.md`; two runs that are compared show what matters of it.
"""

from simkit.kernel.fence.refusal import RealWorldReached
from simkit.kernel.fence.whereabouts import compiled, here, outside

__all__ = ["RealWorldReached", "here", "in_words", "install", "outside"]

_installed: list[bool] = []


def install() -> None:
    """Put the fence up in this interpreter; a second call does nothing."""
    if _installed:
        return
    _installed.append(True)
    import mimetypes

    from simkit.kernel.fence import blocking, clocks, entropy, gate, identity, imports, ordering, threads

    for part in (clocks, entropy, identity, blocking, ordering, threads, imports, gate):
        part.install()
    mimetypes.knownfiles.clear()  # types of files are the library's, not the machine's


def in_words() -> str:
    """Say how much the fence covers in this installation; `docs/limits.md` says it in full."""
    if compiled is not None:
        return "fence compiled"
    return "fence in Python only: names imported early, datetime.now and waiting for locks are real"
