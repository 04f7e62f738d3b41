import { blocksOf, commandsOf, stepsOf, type Block, type Step } from "./markdown.ts";
import { toDocumented, toReal } from "./places.ts";
import type { Sandbox } from "./sandbox.ts";
import { compare } from "./shape.ts";

const LANGUAGES = ["console", "sh"];
/** A number after `kill` that no output taught us would be the process of somebody else. */
const KILLS_A_NUMBER = /\bkill\b[^|;&\n]*\s-?(\d{2,})\b/;

/** What only looks is looked at again for a while, since what is done may take a moment to be seen. */
const LOOKS =
  /^cyme [^|]*\b(status|branches|queues|consumers|tasks\.state|instances(\.(get|history|log))?)( |$)(?!.*--follow)/;
const LOOK_MS = 10_000;

export interface Outcome {
  /** Blocks whose commands ran. */
  readonly ran: number;
  /** Blocks that were not run, and why. */
  readonly leftOut: readonly string[];
  /** What is wrong in the document, with its lines. */
  readonly failures: readonly string[];
}

/** Blocks with commands, those with a reason not to be run too. */
export const commandBlocks = (markdown: string): Block[] =>
  blocksOf(markdown).filter(({ language }) => LANGUAGES.includes(language));

/** Runs the commands of all blocks of a document in order, in a sandbox that is opened only where there is something to run. */
export async function runDocument(markdown: string, open: () => Promise<Sandbox>): Promise<Outcome> {
  const blocks = commandBlocks(markdown);
  const runnable = blocks.filter(({ notRun }) => notRun === undefined);
  const leftOut = blocks.flatMap(({ notRun, line }) => (notRun === undefined ? [] : [`line ${line}: ${notRun}`]));
  if (runnable.length === 0) return { ran: 0, leftOut, failures: [] };
  await using sandbox = await open();
  const run = runner(sandbox);
  const failures: string[] = [];
  for (const block of runnable) {
    for (const step of stepsToRun(block)) failures.push(...(await run(step)));
    if (run.isOver()) break;
  }
  return { ran: runnable.length, leftOut, failures };
}

/** `expected` is undefined where only the end of the command counts. */
type Run = Omit<Step, "expected"> & { readonly expected: string | undefined };

function stepsToRun(block: Block): Run[] {
  const first = block.first === undefined ? [] : [{ command: block.first, expected: undefined, line: block.line }];
  if (block.language === "sh")
    return [...first, ...commandsOf(block).map((command) => ({ ...command, expected: undefined }))];
  return [...first, ...stepsOf(block)];
}

function runner({ places, shell }: Sandbox) {
  const learned = new Map<string, string>();
  let isOver = false;
  const run = async ({ command, expected, line }: Run): Promise<string[]> => {
    if (isOver) return [];
    const real = toReal(command, places, learned);
    const [, number] = KILLS_A_NUMBER.exec(real) ?? [];
    if (number !== undefined && ![...learned.values()].includes(number)) {
      return [`line ${line}: kill ${number} is no process that was shown before`];
    }
    const lookMs = Date.now() + (LOOKS.test(command) ? LOOK_MS : 0);
    for (;;) {
      const { output, status, failed: parts } = await shell.run(real);
      isOver = status === null;
      const shown = toDocumented(output, places);
      const failed = (what: string) => [`line ${line}: $ ${command}\n${what}`];
      if (status === null) return failed(`The shell ended, or was ended after too long:\n${shown}`);
      const isGood = status === 0 && parts.length === 0;
      const how = `It ended with status ${status}${parts.map((part) => `, failed: ${part}`).join("")}`;
      if (expected === undefined) return isGood ? [] : failed(`${how}\n${shown}`);
      const compared = compare(expected, shown);
      if (compared.difference !== "" && Date.now() < lookMs) continue;
      for (const [word, value] of compared.learned) learned.set(word, toReal(value, places, new Map()));
      if (compared.difference !== "")
        return failed(`It does not print what is said (-) but (+):\n${compared.difference}`);
      return isGood || (isFound(status) && saysWhy(command, expected))
        ? []
        : failed(`${how}, which nothing there says`);
    }
  };
  return Object.assign(run, { isOver: () => isOver });
}

/** Whether there was such a program: no document shows one that is missing. */
const isFound = (status: number) => status !== 126 && status !== 127;

/** A command may fail where the document shows its error, or the status itself: `$ command; echo $?`; `timeout 2 …` does. */
const saysWhy = (command: string, expected: string) =>
  /^(error|curl|ls): |"nok":/m.test(expected) || /^timeout \d|; echo \$\?$/.test(command);
