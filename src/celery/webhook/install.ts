import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import type { OwnAddress, WebhookAllow } from "../../domain/webhook.ts";
import source from "./cyme_webhook.py" with { type: "text" };

/** The name by which Python imports the module. */
export const WEBHOOK_MODULE = "cyme_webhook";

/** What URL tasks may reach; workers that run read it anew when it changes. */
export interface WebhookPolicy {
  /** Cyme's, for the header User-Agent. */
  readonly version: string;
  /** Null restricts nothing but what is always refused. */
  readonly allow: readonly WebhookAllow[] | null;
  /** Where the HTTP API of the branch listens; empty where it does not. */
  readonly own: readonly OwnAddress[];
}

/** Where the module for the workers of an instance directory (absolute) lies. */
export const webhookDir = (instanceDir: string) => join(instanceDir, "branch.python");

/**
 * Writes the module and its policy, as far as they are not as wanted; gives the folder for Python's path. Without a policy the
 * one that is there stays; where none is, URL tasks fail. Throws what the file system does.
 */
export function installWebhook(instanceDir: string, policy: WebhookPolicy | undefined): string {
  const folder = webhookDir(instanceDir);
  if (folder.includes(delimiter)) {
    throw new Error(
      `${instanceDir} holds a "${delimiter}", which Python's path cannot: use another instance directory`,
    );
  }
  const modes = modesIn(instanceDir);
  mkdirSync(folder, { recursive: true, mode: modes.folder });
  chmodSync(folder, modes.folder);
  if (policy) writeIfDifferent(join(folder, "policy.json"), `${JSON.stringify(policy)}\n`, modes.file);
  writeIfDifferent(join(folder, `${WEBHOOK_MODULE}.py`), source, modes.file);
  return folder;
}

/** Lets whoever can pass through the instance directory read it: a worker that runs as another user. It holds no secret. */
export function openWebhook(instanceDir: string): void {
  const folder = webhookDir(instanceDir);
  const { folder: mode, file } = modesIn(instanceDir);
  if (!existsSync(folder)) return;
  chmodSync(folder, mode);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isFile()) chmodSync(join(folder, entry.name), file);
  }
}

const OPEN = { folder: 0o755, file: 0o644 };
const CLOSED = { folder: 0o700, file: 0o600 };

/** The instance directory may be passed through once a worker ran as another user. */
const modesIn = (instanceDir: string) => ((statSync(instanceDir).mode & 0o001) === 0 ? CLOSED : OPEN);

/** Where the branch listened when the policy was written last; empty where that cannot be read. */
export function writtenOwn(instanceDir: string): readonly OwnAddress[] {
  try {
    const { own } = JSON.parse(read(join(webhookDir(instanceDir), "policy.json")) ?? "{}") as Partial<WebhookPolicy>;
    return Array.isArray(own) ? own : [];
  } catch {
    return [];
  }
}

/** By rename: a worker never reads half of it. Under a name of its own, since a command may write at the same time. */
function writeIfDifferent(path: string, text: string, mode: number): void {
  if (read(path) === text) return chmodSync(path, mode);
  const fresh = `${path}.${crypto.randomUUID()}.new`;
  try {
    writeFileSync(fresh, text, { mode, flag: "wx" });
    chmodSync(fresh, mode);
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // Not there yet, or not to be read: written anew, which tells what is wrong.
  }
}
