import { join } from "node:path";
import { CymeError, invalid } from "../domain/errors.ts";
import { object } from "../domain/fields.ts";
import type { Environment } from "./io.ts";

/** What the commands use where neither option nor variable says it. */
export interface ClientConfig {
  readonly url?: string;
  readonly token?: string;
  /** Paths of PEM files. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A file and the rights that it has. */
export interface ConfigFile {
  readonly text: string;
  /** As of stat. */
  readonly mode: number;
}

const KEYS = ["url", "token", "ca", "cert", "key"] as const;
const FOR_OTHERS = 0o077;

/** Where it is; undefined where there is no home. */
export function configPath(env: Environment): string | undefined {
  const base = env["XDG_CONFIG_HOME"] || (env["HOME"] ? join(env["HOME"], ".config") : undefined);
  return base === undefined ? undefined : join(base, "cyme", "config.json");
}

/** Throws `invalid`, without what stands in it: it may be a token. */
export function parseConfig(path: string, { text, mode }: ConfigFile): ClientConfig {
  if ((mode & FOR_OTHERS) !== 0) {
    throw new CymeError(
      "invalid",
      `Others can read ${path}, which may hold a token: make it yours with chmod 600 ${path}`,
    );
  }
  const fields = object(path, text, { secret: true });
  for (const [key, value] of Object.entries(fields)) {
    if (!KEYS.some((known) => known === key)) throw invalid(path, `the keys ${KEYS.join(", ")}`, key);
    if (typeof value !== "string") throw invalid(path, `text as the value of ${key}`);
  }
  return fields as ClientConfig;
}
