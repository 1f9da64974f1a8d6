"""`python -m scpo_trl` and `accelerate launch -m scpo_trl`: one training in this process."""

import sys

from scpo_trl.command import main

if __name__ == "__main__":
    sys.exit(main())
