import type { LiveEvent } from "./model.ts";

/** Takes a stream of server-sent events apart, chunk by chunk. A comment gives no event. Throws SyntaxError for data that is no JSON. */
export class EventReader {
  #rest = "";

  /** The events that end in this chunk. */
  read(chunk: string): LiveEvent[] {
    const blocks = (this.#rest + chunk).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.flatMap(parseBlock);
  }
}

function parseBlock(block: string): LiveEvent[] {
  let name = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  if (data.length === 0 && name === "message") return [];
  const text = data.join("\n");
  return [{ name, data: text === "" ? null : JSON.parse(text) }];
}
