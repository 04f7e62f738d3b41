import type { EventAnswer } from "../types.ts";

/** Takes the text of a stream of server-sent events as it comes, and calls back with each event that is whole. */
export function eventsIn(onEvent: (event: EventAnswer) => void): (text: string) => void {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      // What is left out is a comment, or how soon to come back.
      if (event !== undefined && data !== undefined) onEvent({ event, data: JSON.parse(data) as unknown });
    }
  };
}
