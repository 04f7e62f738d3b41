/** A fenced block of a document, with what the comments directly above it say to the runner. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Of the opening fence; the first line is 1. */
  readonly line: number;
  /** Why it is not run: `<!-- not run: … -->`. */
  readonly notRun: string | undefined;
  /** Commands to run before it, which the reader is not shown: `<!-- first: … -->`. */
  readonly first: string | undefined;
}

const FENCE = /^( *)```(.*)$/;
const COMMENT_END = /-->\s*$/;

/** The fenced blocks of a Markdown document, in order. Throws for a fence that is not closed. */
export function blocksOf(markdown: string): Block[] {
  const lines = markdown.split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, indent = "", language] = FENCE.exec(lines[at] ?? "") ?? [];
    if (language === undefined) continue;
    const end = lines.findIndex((line, n) => n > at && line === `${indent}\`\`\``);
    if (end < 0) throw new Error(`The block of line ${at + 1} is not closed`);
    const text = lines
      .slice(at + 1, end)
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
      .join("\n");
    const comments = commentsAbove(lines, at);
    const said = (word: string) =>
      comments
        .find((comment) => comment.startsWith(`${word}:`))
        ?.slice(word.length + 1)
        .trim() || undefined;
    blocks.push({ language: language.trim(), text, line: at + 1, notRun: said("not run"), first: said("first") });
    at = end;
  }
  return blocks;
}

/** The texts of the comments that end on the line above, and of those above these. */
function commentsAbove(lines: readonly string[], fence: number): string[] {
  const comments: string[] = [];
  let end = fence - 1;
  while (COMMENT_END.test(lines[end] ?? "")) {
    let start = end;
    while (start > 0 && !(lines[start] ?? "").trimStart().startsWith("<!--")) start--;
    const text = lines.slice(start, end + 1).join("\n");
    comments.push(text.trim().slice("<!--".length, -"-->".length).trim());
    end = start - 1;
  }
  return comments;
}

/** A command of a console block, and what it is said to print. */
export interface Step {
  readonly command: string;
  readonly expected: string;
  /** In the document. */
  readonly line: number;
}

/** The commands of a `console` block: lines that begin with `$ `, continued by `\` at the end, each followed by its output. */
export function stepsOf(block: Block): Step[] {
  const steps: { command: string; expected: string[]; line: number }[] = [];
  let isContinued = false;
  block.text.split("\n").forEach((text, n) => {
    const line = block.line + 1 + n;
    const last = steps.at(-1);
    if (isContinued && last) last.command += `\n${text}`;
    else if (text.startsWith("$ ")) steps.push({ command: text.slice(2), expected: [], line });
    else if (last) last.expected.push(text);
    else throw new Error(`Line ${line}: a console block begins with a line "$ command", not with "${text}"`);
    isContinued = (isContinued || text.startsWith("$ ")) && text.endsWith("\\");
  });
  return steps.map(({ command, expected, line }) => ({ command, expected: expected.join("\n").trimEnd(), line }));
}
