import { isBuiltin } from "node:module";
import { runInThisContext } from "node:vm";

/** Not ended yet: there may be more lines. */
export class Unfinished extends SyntaxError {}

/** What a piece of JavaScript or TypeScript gives. */
type Outcome = { readonly value: unknown } | undefined;

const transpiler = new Bun.Transpiler({ loader: "ts", replMode: true });

/** Declarations come first in what the transpiler makes. */
const DECLARED = /^var ([\w$]+(?:, [\w$]+)*);/;

/** How a piece is begun, to let a person end even one that never waits; gives what ends that. */
export type Around = () => () => void;

/**
 * Runs what `transpile` made of a piece in the global scope, where what it declares stays, `const` too. It may `await`, and what it gives
 * is waited for, as are promises that it declares. Rejects with what is thrown, and where `signal` is aborted first.
 */
export async function evaluate(script: string, signal: AbortSignal, around: Around = () => () => {}): Promise<unknown> {
  const { promise: interrupted, reject } = Promise.withResolvers<never>();
  const stop = () => reject(new Error("interrupted"));
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([run(script, around), interrupted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** A piece of JavaScript or TypeScript as `evaluate` takes it. Throws SyntaxError, `Unfinished` where the piece is not ended. */
export function transpile(code: string): string {
  try {
    return transpiler.transformSync(code);
  } catch (error) {
    const message = error instanceof AggregateError ? String(error.errors[0]) : String(error);
    const words = message.replace(/^\w*(Error|Message): /, "");
    // A string ends with its line, unless it is in backticks.
    const isOpen = /end of file/.test(words) || (words.includes("Unterminated string") && code.includes("`"));
    throw isOpen ? new Unfinished(words) : new SyntaxError(words);
  }
}

async function run(script: string, around: Around): Promise<unknown> {
  const outcome = (await begin(script, around)) as Outcome;
  const [, names = ""] = DECLARED.exec(script) ?? [];
  await Promise.all(names.split(", ").map(settle));
  // Of a promise that was declared, too, which is the same.
  return outcome?.value;
}

function begin(script: string, around: Around): unknown {
  const end = around();
  try {
    // Its types know only of modules that are made by node:vm.
    return runInThisContext(script, { importModuleDynamically: load as never });
  } finally {
    // Not before the loop goes on: awaiting what is there already, again and again, keeps it from everything else, too.
    setImmediate(end);
  }
}

/** What `import` gives there: of the working directory files and packages. */
const load = (name: string): Promise<unknown> => import(isBuiltin(name) ? name : Bun.resolveSync(name, process.cwd()));

/** A promise under that name becomes what it resolves to, so that the next line can use it. */
async function settle(name: string): Promise<void> {
  const value = (globalThis as Record<string, unknown>)[name];
  if (value instanceof Promise) (globalThis as Record<string, unknown>)[name] = await value;
}
