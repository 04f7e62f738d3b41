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

/** The languages of blocks that are run: by run-document.ts, and those in TypeScript by test/client. */
const RUN = ["console", "sh", "ts"];
/** What a reader types nowhere as a command. A language on neither list is one that nobody looks at. */
const NO_COMMANDS = ["json", "python", "ini", "nginx", "text", "mermaid"];

const FENCE = /^( *)```(?!`)([^`]*)$/;
/** What makes a block for readers, and none here. */
const OTHER_FENCE = /^[\s>]*(~~~|````)|^[\s>]*[\t>]\s*```/;
const COMMENT_END = /-->\s*$/;

/** The fenced blocks of a Markdown document, in order. Throws for a fence that is not closed, and for one of another kind. */
export function blocksOf(markdown: string): Block[] {
  const lines = markdown.split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, indent = "", language] = FENCE.exec(lines[at] ?? "") ?? [];
    if (OTHER_FENCE.test(lines[at] ?? ""))
      throw new Error(`The fence of line ${at + 1} is to be three backticks, with nothing but blanks before it`);
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

/** Blocks that nobody looks at, and commands where none are run, by their lines. */
export function oddBlocks(markdown: string): string[] {
  return blocksOf(markdown).flatMap(({ language, text, line }) => {
    if (RUN.includes(language)) return [];
    if (!NO_COMMANDS.includes(language)) return [`line ${line}: nobody knows what to do with "${language}"`];
    return /^\s*\$ /m.test(text) ? [`line ${line}: a command in a block that is not run`] : [];
  });
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

/** The commands of a `sh` block, each whole, as bash says: with all lines of a loop, of a text in quotes or of a here-document. */
export function commandsOf({ text, line: fence }: Block): Omit<Step, "expected">[] {
  const commands: { command: string; line: number }[] = [];
  let begun: { command: string; line: number } | undefined;
  text.split("\n").forEach((words, n) => {
    begun = begun ? { ...begun, command: `${begun.command}\n${words}` } : { command: words, line: fence + 1 + n };
    if (!isWhole(begun.command)) return;
    commands.push(begun);
    begun = undefined;
  });
  // Bash will say what is missing.
  return begun ? [...commands, begun] : commands;
}

function isWhole(command: string): boolean {
  if (command.endsWith("\\")) return false;
  const { exitCode, stderr } = Bun.spawnSync(["bash", "-n"], { stdin: Buffer.from(`${command}\n`), stderr: "pipe" });
  // A here-document without its end is a warning.
  return exitCode === 0 && stderr.length === 0;
}
