"""See `command`."""

import sys

from edge.start import loading

with loading():
    from training.command import main

sys.exit(main())
