// The rules of proto/rules.json as code for both languages, so that neither can drift from the other.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const HEADER = "Generated from proto/rules.json. Do not edit.";
const quoted = JSON.stringify;

/** Writes `rules.ts` into one folder and `rules.py` into another. */
export function writeRules(root, typescriptFolder, pythonFolder) {
  const { patterns, numbers, ranges } = JSON.parse(readFileSync(join(root, "proto", "rules.json"), "utf8"));
  const rules = { patterns: named(patterns), numbers: named(numbers), ranges: named(ranges) };
  writeFileSync(join(typescriptFolder, "rules.ts"), typescript(rules));
  writeFileSync(join(pythonFolder, "rules.py"), python(rules));
}

function named(group) {
  return Object.entries(group).map(([name, rule]) => ({ ...rule, name: name.toUpperCase() }));
}

function typescript({ patterns, numbers, ranges }) {
  const parts = [
    `// ${HEADER}`,
    "/** What a text must be, whole. */\nexport interface TextRule {\n  readonly pattern: RegExp;\n  /** In words. */\n  readonly expected: string;\n}",
    "/** What a number must be: finite and above a bound. */\nexport interface NumberRule {\n  readonly above: number;\n  /** In words. */\n  readonly expected: string;\n}",
    ...patterns.map(
      ({ name, about, pattern, expected }) =>
        // Without the flag m, $ is the end of the text alone.
        `/** ${about} */\nexport const ${name}: TextRule = {\n  pattern: new RegExp(${quoted(`^(?:${pattern})$`)}),\n  expected: ${quoted(expected)},\n};`,
    ),
    ...numbers.map(({ name, about, value }) => `/** ${about} */\nexport const ${name} = ${value};`),
    ...ranges.map(
      ({ name, about, above, expected }) =>
        `/** ${about} */\nexport const ${name}: NumberRule = { above: ${above}, expected: ${quoted(expected)} };`,
    ),
    "/** Whether a number follows a rule. */\nexport function isAllowed(value: number, rule: NumberRule): boolean {\n  return Number.isFinite(value) && value > rule.above;\n}",
  ];
  return `${parts.join("\n\n")}\n`;
}

const PYTHON_CLASSES = `import math
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class TextRule:
    """What a text must be, whole; \`expected\` in words."""

    pattern: re.Pattern[str]
    expected: str

    def allows(self, text: str) -> bool:
        """Whether the text follows the rule."""
        return self.pattern.fullmatch(text) is not None


@dataclass(frozen=True)
class NumberRule:
    """What a number must be: finite and above a bound; \`expected\` in words."""

    above: float
    expected: str

    def allows(self, number: float) -> bool:
        """Whether the number follows the rule."""
        return math.isfinite(number) and number > self.above

`;

function python({ patterns, numbers, ranges }) {
  const parts = [
    `"""${HEADER}"""`,
    PYTHON_CLASSES,
    ...patterns.map(
      ({ name, about, pattern, expected }) =>
        `${name} = TextRule(re.compile(${quoted(pattern)}), ${quoted(expected)})\n"""${about}"""`,
    ),
    ...numbers.map(({ name, about, value }) => `${name} = ${value}\n"""${about}"""`),
    ...ranges.map(
      ({ name, about, above, expected }) => `${name} = NumberRule(${above}, ${quoted(expected)})\n"""${about}"""`,
    ),
  ];
  return `${parts.join("\n\n")}\n`;
}
