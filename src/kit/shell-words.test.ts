import { describe, expect, test } from "bun:test";
import { ShellWordsError, splitWords } from "./shell-words.ts";
import { seededRandom } from "./test-support.ts";

/** What the shell itself makes of texts, each without anything that it would expand. */
function askShell(texts: readonly string[]): string[][] {
  // Each list is told as its length, then its words: even an empty word is seen.
  const script = texts.map((text) => `set -- ${text}\nprintf '%s\\0' "$#" "$@"\n`).join("");
  const { stdout, stderr } = Bun.spawnSync(["sh"], { stdin: Buffer.from(script), env: {} });
  expect(stderr.toString()).toBe("");
  const told = stdout.toString().split("\0");
  return texts.map(() => told.splice(0, 1 + Number(told[0])).slice(1));
}

describe("splitWords()", () => {
  const table: [string, string[]][] = [
    ["", []],
    [" \t\n ", []],
    ["a", ["a"]],
    ["  a  b\tc\nd  ", ["a", "b", "c", "d"]],
    ["''", [""]],
    ['a "" b', ["a", "", "b"]],
    ["'a b'\"c d\"e\\ f", ["a bc de f"]],
    [String.raw`'a\b'`, [String.raw`a\b`]],
    [`'a"b' "c'd"`, ['a"b', "c'd"]],
    [String.raw`"a\"b\\c\$d"`, ['a"b\\c$d']],
    ['"a\\`b"', ["a`b"]],
    [String.raw`"a\nb\'c"`, [String.raw`a\nb\'c`]],
    [String.raw`a\nb \'c \"d \\e`, ["anb", "'c", '"d', "\\e"]],
    ["a\\\nb", ["ab"]],
    ["a \\\n b", ["a", "b"]],
    ['"a\\\nb"', ["ab"]],
    ["'a\nb'", ["a\nb"]],
    ["'a\\\nb'", ["a\\\nb"]],
    ["--app=proj -l 'DEBUG'", ["--app=proj", "-l", "DEBUG"]],
    ["日本\u00a0ü 🐰", ["日本\u00a0ü", "🐰"]],
    ["a\u000bb\u000cc", ["a\u000bb\u000cc"]],
  ];

  test.each(table)("%j is %j", (text, words) => expect(splitWords(text)).toEqual(words));

  test("splits those as sh does", () => {
    const oneCommand = table.filter(([text]) => !hasOpenLineBreak(text));
    expect(askShell(oneCommand.map(([text]) => text))).toEqual(oneCommand.map(([, words]) => words));
  });

  test("splits random texts as sh does", () => {
    const random = seededRandom(2);
    const alphabet = ["a", "b", "-", "=", ".", "ü", " ", " ", "\t", "\n", "'", "'", '"', '"', "\\", "\\"];
    const some = () =>
      Array.from({ length: Math.floor(random() * 14) }, () => alphabet[Math.floor(random() * alphabet.length)]).join(
        "",
      );
    const texts = Array.from({ length: 6000 }, some).filter((text) => isComplete(text) && !hasOpenLineBreak(text));
    expect(texts.length).toBeGreaterThan(1000);
    expect(texts.map(splitWords)).toEqual(askShell(texts));
  });

  test("takes the line ends of a web form as white space", () => {
    expect(splitWords("-A proj\r\n-E\r\n")).toEqual(["-A", "proj", "-E"]);
  });

  test.each<[string, string]>([
    ["'a", "has a ' that is not closed"],
    ['a "b', 'has a " that is not closed'],
    [`"a'`, 'has a " that is not closed'],
    ["a\\", "ends in a backslash"],
    ['"\\', "ends in a backslash"],
  ])("refuses %j: it %s", (text, why) => {
    expect(() => splitWords(text)).toThrow(new ShellWordsError(why));
  });
});

function isComplete(text: string): boolean {
  try {
    splitWords(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether a line break stands where it would end a command: the text up to it is complete. */
function hasOpenLineBreak(text: string): boolean {
  return [...text.matchAll(/\n/g)].some(({ index }) => isComplete(text.slice(0, index)));
}
