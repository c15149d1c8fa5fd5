"""Makes what several rooms of tests share importable: `smaller_scenarios`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
