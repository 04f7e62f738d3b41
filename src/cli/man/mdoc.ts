import type { Option } from "../option.ts";

/** Text for a line of mdoc as people are to read it: nothing in it is taken for markup, and what is typed keeps its characters. */
export function plain(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha")
    .replaceAll("…", "...")
    .replaceAll(/(^|[\s(=])-(?=[-\w])/g, "$1\\-")
    .replaceAll(/\\--/g, "\\-\\-")
    .replace(/^\./, "\\&.");
}

/** One argument of a macro. */
export function argument(text: string): string {
  // Two letters like that would be a macro themselves.
  const safe = /^(?:[A-Z][a-z]|[|.,:;()[\]?!])$/.test(text) ? `\\&${text}` : plain(text);
  return /[\s"]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const COLUMNS = 78;

/** Text as lines: each sentence begins one, as mdoc wants it, since it has the spaces between them. Indented lines are typed. */
export function prose(text: string): string {
  const blocks = text.match(/(?:^ {2}.*\n?)+|(?:^(?! {2}).*\n?)+/gm) ?? [];
  return blocks
    .map((block) => block.trimEnd())
    .map((block) => (block.startsWith("  ") ? typed(block.split("\n").map((line) => line.trim())) : sentences(block)))
    .join("");
}

function sentences(text: string): string {
  const lines = text.replaceAll(/\s*\n\s*/g, " ").replaceAll(/(\S[.:;?!]) (?=[A-Z`])/g, "$1\n");
  const ended = /[.:;?!]$/.test(lines) ? lines : `${lines}.`;
  return ended
    .split("\n")
    .flatMap((sentence) => wrapped(plain(sentence)))
    .map((line) => `${line}\n`)
    .join("");
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let last = "";
  for (const word of text.split(" ")) {
    if (last !== "" && last.length + word.length >= COLUMNS) {
      lines.push(last);
      last = word.startsWith(".") ? `\\&${word}` : word;
    } else {
      last = last === "" ? word : `${last} ${word}`;
    }
  }
  return [...lines, last];
}

/** A list of terms, each with its text; both are mdoc already. */
export function tagged(items: readonly (readonly [term: string, text: string])[], width = "Ds"): string {
  return `.Bl -tag -width ${width}\n${items.map(([term, text]) => `.It ${term}\n${text}`).join("")}.El\n`;
}

/** Lines to be typed. */
export const typed = (lines: readonly string[]) => `.Bd -literal -offset indent\n${lines.map(plain).join("\n")}\n.Ed\n`;

export const section = (title: string, body: string) => `.Sh ${title}\n${body}`;

/** `-a app`, `--app app`: how an option is written. */
const term = ({ name, short, value }: Option) => {
  const takes = value === undefined ? "" : ` Ar ${argument(value)}`;
  const long = `Fl \\-${name}${takes}`;
  return short === undefined ? long : `Fl ${short} , ${long}`;
};

export const optionList = (options: readonly Option[]) =>
  tagged(options.map((option) => [term(option), aboutOption(option)]));

function aboutOption({ about, variable, default: fallback }: Option): string {
  const facts = [
    ...(fallback === undefined ? [] : [`The default is\n.Ql ${argument(fallback)} .\n`]),
    ...(variable === undefined ? [] : [`Also by\n.Ev ${variable} .\n`]),
  ];
  return `${prose(about)}${facts.join("")}`;
}
