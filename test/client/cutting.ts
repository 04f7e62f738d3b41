import { connect, type Socket } from "node:net";
import { startTarget, type Target } from "../harness/targets.ts";

/** When a connection is cut: once the branch has the request, or once it begins to answer. */
export type Moment = "asked" | "answered";

/** Stands before a branch and loses the connection of the next request at the moment that was asked for, once. */
export interface Cutting extends Target {
  cutNext(moment: Moment): void;
  /** How many requests came, those that were cut among them. */
  readonly requests: () => number;
}

/** Starts one before the branch at `url`. */
export async function startCutting(url: string): Promise<Cutting> {
  let next: Moment | undefined;
  let requests = 0;
  const target = await startTarget((client) => {
    const branch = connect({ host: "127.0.0.1", port: Number(new URL(url).port) });
    branch.on("error", () => client.destroy()).on("close", () => client.destroy());
    client.on("close", () => branch.destroy());
    client.on("data", (bytes) => {
      requests++; // Each is small enough for one piece.
      if (branch.destroyed) return;
      branch.write(bytes, () => take("asked", client));
    });
    branch.on("data", (bytes) => {
      if (!take("answered", client)) client.write(bytes);
    });
  });
  const take = (moment: Moment, client: Socket) => {
    if (next !== moment) return false;
    next = undefined;
    client.destroy();
    return true;
  };
  return { ...target, requests: () => requests, cutNext: (moment) => void (next = moment) };
}
