/*
 * What a document shows is compared with what a program prints by shape: ids, times, pids and ports are other ones each
 * time, blanks only align columns, and "…" stands for anything in a line, or, alone in a line, for any lines.
 */

/** What looks alike and never is the same. The order counts: the first that fits is taken. */
const SHAPES: readonly (readonly [documented: string, real: string])[] = [
  ["cyme_[A-Za-z0-9_-]+…", "cyme_[A-Za-z0-9_-]+"], // A token, of which documents show the beginning.
  ["…", ".*"],
  ["[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"],
  ["(?<=machine\\d-)[0-9a-f]{8}\\b", "[0-9a-f]{8}"],
  [
    "\\d{4}-\\d\\d-\\d\\d(?:[T ]\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d{3})?Z?)?",
    "\\d{4}-\\d\\d-\\d\\d(?:[T ]\\d\\d:\\d\\d:\\d\\d(?:[.,]\\d{3})?Z?)?",
  ],
  [
    "[A-Z][a-z]{2}, \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT",
    "[A-Z][a-z]{2}, \\d\\d [A-Z][a-z]{2} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT",
  ],
  ["(?<![\\d.])\\d+\\.\\d+\\.\\d+(?![\\d.])", "\\d+\\.\\d+\\.\\d+"], // A version.
  ["(?<![\\d.])\\d+\\.\\d+(?![\\d.])", "\\d+(?:\\.\\d+)?"],
  ["(?<![\\w.])\\d{4,}(?![\\w.]\\d)", "\\d+"],
];
const TOKEN = new RegExp(SHAPES.map(([documented]) => `(${documented})`).join("|") + "|([ \\t]+)", "g");

const literal = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");

/** The pattern of one line, and the documented words that stand at its groups. */
function patternOf(line: string): { source: string; words: string[] } {
  const words: string[] = [];
  let source = "";
  let from = 0;
  for (const found of line.trimEnd().matchAll(TOKEN)) {
    source += literal(line.slice(from, found.index));
    from = found.index + found[0].length;
    const shape = SHAPES[found.slice(1).findIndex((group) => group !== undefined)];
    if (shape === undefined) source += "[ \\t]+";
    else {
      source += `(${shape[1]})`;
      words.push(found[0]);
    }
  }
  return { source: source + literal(line.trimEnd().slice(from)), words };
}

const isAnyLines = (line: string) => line.trim() === "…";

export interface Compared {
  /** Empty where both have one shape; else documented lines with "-" and real ones with "+". */
  readonly difference: string;
  /** What stands in the real text in place of ids and numbers of the documented one. */
  readonly learned: ReadonlyMap<string, string>;
}

/** Holds what was printed against what the document shows. */
export function compare(documented: string, real: string): Compared {
  const wanted = documented === "" ? [] : documented.split("\n");
  const got =
    real.trimEnd() === ""
      ? []
      : real
          .trimEnd()
          .split("\n")
          .map((line) => line.trimEnd());
  const words: string[] = [];
  const source = wanted.map((line) => {
    if (isAnyLines(line)) return "(?:[^\\n]*\\n)*?";
    const pattern = patternOf(line);
    words.push(...pattern.words);
    return `${pattern.source}\\n`;
  });
  const found = new RegExp(`^${source.join("")}$`).exec(got.map((line) => `${line}\n`).join(""));
  if (!found) return { difference: differenceOf(wanted, got), learned: new Map() };
  const learned = new Map(
    words.map((word, n) => [word, found[n + 1] ?? word] as const).filter(([word]) => word !== "…"),
  );
  return { difference: "", learned };
}

/** Lines that both have are shown once; which those are is said by the longest common sequence. */
function differenceOf(wanted: readonly string[], got: readonly string[]): string {
  const isSame = wanted.map((line) => {
    const pattern = new RegExp(`^${patternOf(line).source}$`);
    return got.map((other) => !isAnyLines(line) && pattern.test(other));
  });
  const common = wanted.map(() => got.map(() => 0)).concat([[]]);
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = wanted.length - 1; i >= 0; i--)
    for (let j = got.length - 1; j >= 0; j--)
      (common[i] ?? [])[j] = isSame[i]?.[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: string[] = [];
  let i = 0;
  let j = 0;
  while (i < wanted.length || j < got.length) {
    const isShared = isSame[i]?.[j] === true;
    const isOnlyWanted = !isShared && (j >= got.length || (i < wanted.length && at(i + 1, j) >= at(i, j + 1)));
    lines.push(isShared ? `  ${got[j]}` : isOnlyWanted ? `- ${wanted[i]}` : `+ ${got[j]}`);
    if (isShared || isOnlyWanted) i++;
    if (!isOnlyWanted) j++;
  }
  return lines.join("\n");
}
