import { readFileSync } from "node:fs";
import type { BranchOptions } from "../domain/branch.ts";
import { CymeError } from "../domain/errors.ts";
import type { TlsFiles } from "../http/server.ts";

/** What the files hold that the options name; undefined where they name none. Throws `invalid` for one that cannot be read. */
export function readTls({ tlsCert, tlsKey, tlsCa }: BranchOptions): TlsFiles | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const read = (option: string, path: string) => {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      throw new CymeError("invalid", `Cannot read ${option}: ${(error as Error).message}`);
    }
  };
  return {
    cert: read("--tls-cert", tlsCert),
    key: read("--tls-key", tlsKey),
    ca: tlsCa === undefined ? undefined : read("--tls-ca", tlsCa),
  };
}
