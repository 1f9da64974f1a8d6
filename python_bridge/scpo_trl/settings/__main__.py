"""`python -m scpo_trl.settings`: prints the schema, or what is wrong with the names on its standard input.

`schema` prints the JSON Schema; `check` reads a JSON object of settings and prints one of a line by wrong setting.
"""

import json
import sys

from scpo_trl.settings.check import setting_problems
from scpo_trl.settings.schema import training_schema

if __name__ == "__main__":
    answer = training_schema() if sys.argv[1:] == ["schema"] else setting_problems(json.load(sys.stdin))
    json.dump(answer, sys.stdout, indent=2, ensure_ascii=False)
    print()
