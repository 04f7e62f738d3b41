import { beforeEach, describe, expect, test } from "bun:test";
import { createLog } from "../kit/log.ts";
import { reload, type Reloadable } from "./reload.ts";

let lines: string[];
beforeEach(() => (lines = []));

function run(what: Partial<Reloadable>): string[] {
  const log = createLog({ level: "INFO", to: { write: (line) => lines.push(line.slice(25, -1)) > 0 } });
  reload({ log, logFile: undefined, tls: () => undefined, servers: [], ...what });
  return lines;
}

const SAID = "INFO SIGHUP: read again what may change while the branch runs";
const files = { cert: "c", key: "k", ca: undefined };

describe("a reload", () => {
  test("says what was read again", () => {
    let opened = 0;
    const used: unknown[] = [];
    const servers = [{ useCertificate: (tls: unknown) => used.push(tls) }];
    const said = run({ logFile: { reopen: () => opened++ }, tls: () => files, servers });
    expect([opened, used, said]).toEqual([1, [files], [`${SAID} reread="[\\"log file\\",\\"certificate\\"]"`]]);
  });

  test("of a branch that logs to standard error and serves no HTTPS reads nothing", () => {
    expect(run({})).toEqual([`${SAID} reread=[]`]);
  });

  test("goes on with the rest where one thing cannot be used, and says which", () => {
    const reopen = () => {
      throw new Error("the disk is full");
    };
    const [complaint = "", said] = run({ logFile: { reopen }, tls: () => files, servers: [] });
    const wanted =
      'ERROR what was to be read again cannot be used: it stays as it was what="log file" error="the disk is full"';
    expect(complaint.split("\n")[0]).toBe(wanted);
    expect(said).toBe(`${SAID} reread="[\\"certificate\\"]"`);
  });
});
