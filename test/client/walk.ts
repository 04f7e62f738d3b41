import type { Block } from "../docs/markdown.ts";

/** What a line of a document is said to give. */
interface Claim {
  /** In the document. */
  readonly line: number;
  readonly expected: string;
}

/** One program out of the blocks of a document, and what it claims. */
export interface Walk {
  /** As the reader sees it. */
  readonly source: string;
  /** The same, but that it prints `<line> <value>` where something is claimed. */
  readonly printing: string;
  readonly claims: readonly Claim[];
}

const CLAIM = /^(\s*)(.+?);\s*\/\/ → (.+)$/;

/** Puts the `ts` blocks of a document together; `names` are texts of the document and what they are here. */
export function walkOf(blocks: readonly Block[], names: ReadonlyMap<string, string>): Walk {
  const claims: Claim[] = [];
  const source: string[] = [];
  const printing = [SHOW];
  for (const block of blocks.filter(({ language }) => language === "ts")) {
    block.text.split("\n").forEach((text, n) => {
      const here = replaced(text, names);
      const line = block.line + 1 + n;
      const [, indent, expression, expected] = CLAIM.exec(here) ?? [];
      source.push(here);
      if (expression === undefined || expected === undefined) return void printing.push(here);
      claims.push({ line, expected });
      printing.push(`${indent}show(${line}, ${expression});`);
    });
  }
  return { source: source.join("\n"), printing: printing.join("\n"), claims };
}

function replaced(text: string, names: ReadonlyMap<string, string>): string {
  let result = text;
  for (const [name, here] of names) result = result.replaceAll(name, here);
  return result;
}

/** The printed value of each line. */
export function shownBy(stdout: string): Map<number, string> {
  const lines = stdout.split("\n").map((line) => /^(\d+) (.*)$/.exec(line) ?? []);
  return new Map(lines.flatMap(([, line, value]) => (value === undefined ? [] : [[Number(line), value]])));
}

/** One way of writing values, since Bun and Node.js have two. */
const SHOW = `
const shown = (value) => {
  if (typeof value !== "object" || value === null) return typeof value === "string" ? JSON.stringify(value) : String(value);
  if (Array.isArray(value)) return "[" + value.map(shown).join(", ") + "]";
  if (Object.getPrototypeOf(value) !== Object.prototype) return String(value);
  const fields = Object.entries(value).map(([name, field]) => (/^\\w+$/.test(name) ? name : JSON.stringify(name)) + ": " + shown(field));
  return fields.length === 0 ? "{}" : "{ " + fields.join(", ") + " }";
};
const show = (line, value) => console.log(line + " " + shown(value));
`;
