import type { Environment } from "./io.ts";

/** Colours by what they mean. */
export interface Paint {
  heading(text: string): string;
  error(text: string): string;
  warning(text: string): string;
  state(state: string, text: string): string;
}

// Not by picocolors: it asks process.stdout as soon as it is loaded, which takes longer than a whole command.
const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;
type Colour = keyof typeof CODES;

const OF_STATE = new Map<string, Colour>([
  ["running", "green"],
  ["starting", "yellow"],
  ["stopping", "yellow"],
  ["backoff", "yellow"],
  ["unresponsive", "red"],
  ["disabled", "red"],
]);

/** Colours for a terminal, unless `NO_COLOR` has any value or `TERM` says that it knows none; else the text as it is. `isTTY` is asked when it matters. */
export function painter(isTTY: () => boolean, env: Environment): Paint {
  const paint = (colour: Colour, text: string) => {
    if (env["NO_COLOR"] || env["TERM"] === "dumb" || !isTTY()) return text;
    const [on, off] = CODES[colour];
    return `\u001B[${on}m${text}\u001B[${off}m`;
  };
  return {
    heading: (text) => paint("bold", text),
    error: (text) => paint("red", text),
    warning: (text) => paint("yellow", text),
    state: (state, text) => paint(OF_STATE.get(state) ?? "dim", text),
  };
}
