import { expect } from "chai";
import { UserError } from "../../src/errors.js";
import {
  filled,
  formatted,
  type OfficialScript,
  promptOf,
  stringAfter,
} from "../../src/evaluation/judging/official-script.js";

const script = (text: string): OfficialScript => ({ path: "script.py", text });

describe("prompts in official scripts", () => {
  it("are read from strings of every kind", () => {
    expect(stringAfter(script("a = 'it\\'s'\n"), "a = ")).to.equal("it's");
    expect(stringAfter(script('a = "tab\\there"\n'), "a = ")).to.equal("tab\there");
    expect(stringAfter(script("a = '''two\nlines 'and' more'''"), "a = ")).to.equal("two\nlines 'and' more");
    expect(stringAfter(script('a = """[\\"x\\"]\\\njoined \\d"""'), "a = ")).to.equal('["x"]joined \\d');
    expect(stringAfter(script("a = f'{b}'"), "a = ")).to.equal("{b}");
  });

  it("are the first string at such a place", () => {
    expect(stringAfter(script("a = None\na = 'one'\na = 'two'"), "a = ")).to.equal("one");
  });

  it("are put together from the lines of a function", () => {
    const text = `def other():
    prompt = 'no'

def ask(sample):
    prompt = 'Q:\\n'
    prompt += sample['q']
    prompt += '\\nA:'
    return prompt

def last():
    prompt = 'no'
`;
    const pieces = promptOf(script(text), "ask");
    expect(pieces).to.deep.equal([{ text: "Q:\n" }, { expression: "sample['q']" }, { text: "\nA:" }]);
    expect(filled(script(text), pieces, { "sample['q']": "{why} $& \\n" })).to.equal("Q:\n{why} $& \\n\nA:");
    expect(() => filled(script(text), pieces, { other: "" })).to.throw(UserError, "script.py: is not the script");
  });

  it("take values as they are", () => {
    expect(formatted("{} and {} of {}", { 0: "{}", 1: "$1", 2: "{1}" })).to.equal("{} and $1 of {1}");
    expect(formatted("{a}{b} {c}", { a: "{b}", b: "x" })).to.equal("{b}x {c}");
  });

  it("are missed by name where the script is another", () => {
    expect(() => stringAfter(script("x = 1"), "a = ")).to.throw(UserError, 'expected a string after "a = "');
    expect(() => stringAfter(script("a = 'open"), "a = ")).to.throw(UserError);
    expect(() => promptOf(script("x = 1"), "ask")).to.throw(UserError, "expected the function ask");
    expect(() => promptOf(script("def ask(x):\n    pass\n"), "ask")).to.throw(
      UserError,
      "a prompt in the function ask",
    );
  });
});
