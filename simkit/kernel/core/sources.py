"""A digest of the C sources in a folder, by which a compiled module tells whether they have changed since.

The build hook compiles it in, and the core compares it as it is imported. It imports nothing of simkit, because at the
build there is none yet; and it deliberately looks at no file's time, which a checkout or a wheel sets anew.
"""

from hashlib import sha256
from pathlib import Path


def digest_of_sources(folder: Path) -> str:
    """Return a digest in hexadecimal of the names and bytes of all C files in `folder`; empty where there are none."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".c", ".h"))
    if not files:
        return ""
    digest = sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
