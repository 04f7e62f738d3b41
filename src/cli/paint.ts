import { createColors } from "picocolors";
import type { Environment } from "./io.ts";

/** Colours by what they mean. */
export interface Paint {
  heading(text: string): string;
  error(text: string): string;
  warning(text: string): string;
  state(state: string, text: string): string;
}

/** Colours for a terminal, unless `NO_COLOR` has any value; else the text as it is. */
export function painter(isTTY: boolean, env: Environment): Paint {
  const colors = createColors(isTTY && !env["NO_COLOR"]);
  const ofState = new Map([
    ["running", colors.green],
    ["starting", colors.yellow],
    ["stopping", colors.yellow],
    ["backoff", colors.yellow],
    ["unresponsive", colors.red],
    ["disabled", colors.red],
  ]);
  return {
    heading: colors.bold,
    error: colors.red,
    warning: colors.yellow,
    state: (state, text) => (ofState.get(state) ?? colors.dim)(text),
  };
}
