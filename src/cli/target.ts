import { join } from "node:path";
import type { ClientRequest, Transport } from "../client/transport.ts";
import type { LogLevel } from "../kit/log.ts";
import type { ClientCommand } from "./command.ts";
import { configPath, parseConfig, type ClientConfig } from "./client-config.ts";
import type { Environment, Io } from "./io.ts";
import { DEFAULT_URL } from "./option.ts";
import type { ConnectOptions, Rooms } from "./rooms.ts";
import type { Values } from "./values.ts";

/** What a failure of the login may be explained by. */
interface Origins {
  /** What was known of another branch alone. */
  readonly unused?: string;
  /** Where the token was found: an option, a variable or a file. */
  readonly tokenFrom?: string;
}

export type OpenTransport = Transport & Partial<AsyncDisposable> & Origins;

/** Whom a command speaks to: with `--local` the instance directory, else the branch at `--url`. */
export async function openTransport(
  command: Pick<ClientCommand, "isForThisBranch">,
  { values, env, io, rooms }: { values: Values; env: Environment; io: Pick<Io, "stderr" | "signal">; rooms: Rooms },
): Promise<OpenTransport> {
  if (!(await isLocal(command, values, rooms))) {
    return overHttp(values, env, rooms);
  }
  const options = {
    instanceDir: values.text("instance-dir") ?? "",
    broker: values.text("broker"),
    loglevel: values.text("loglevel") as LogLevel | undefined, // One of the option's choices.
    logfile: values.text("logfile"),
  };
  return rooms.localTransport(options, io);
}

async function overHttp(values: Values, env: Environment, rooms: Rooms): Promise<OpenTransport> {
  const { url, origins, ...login } = await connectionOf(values, env, rooms);
  const transport = await rooms.httpTransport(url, login);
  return Object.assign((request: ClientRequest) => transport(request), origins);
}

/** A branch, and who asks it. */
interface Connection extends ConnectOptions {
  readonly url: string;
  readonly origins: Origins;
}

/** Options win over variables, and these over the file. */
export async function connectionOf(values: Values, env: Environment, rooms: Rooms): Promise<Connection> {
  const path = configPath(env);
  const file = path === undefined ? undefined : await rooms.configFile(path);
  const config = file && path !== undefined ? parseConfig(path, file) : {};
  const isNamed = values.source("url") !== undefined;
  const url = (isNamed ? undefined : config.url) ?? values.text("url") ?? "";
  // What the file says of one branch is not for another: a token that stands there alone is for this machine.
  const itsUrl = config.url ?? DEFAULT_URL;
  const isItsBranch = !isNamed || isSameOrigin(url, itsUrl);
  const known: ClientConfig = isItsBranch ? config : {};
  const isAllUsed = isItsBranch || Object.keys(config).length === 0;
  const token = values.text("token") ?? known.token;
  const tokenFrom = values.source("token") === undefined ? path : values.called("token");
  return {
    url,
    token,
    ca: values.text("ca") ?? known.ca,
    cert: values.text("cert") ?? known.cert,
    key: values.text("key") ?? known.key,
    origins: {
      ...(isAllUsed ? {} : { unused: `${path} is for ${withoutLogin(itsUrl)} and was not used` }),
      ...(token === undefined || tokenFrom === undefined ? {} : { tokenFrom }),
    },
  };
}

const withoutLogin = (url: string) => (URL.canParse(url) ? new URL(url).origin : "another URL");

const isSameOrigin = (a: string, b: string) =>
  URL.canParse(a) && URL.canParse(b) && new URL(a).origin === new URL(b).origin;

async function isLocal(
  command: Pick<ClientCommand, "isForThisBranch">,
  values: Values,
  rooms: Rooms,
): Promise<boolean> {
  if (values.flag("local")) return true;
  if (!command.isForThisBranch) return false;
  if (values.source("instance-dir")) return true;
  if (values.source("url")) return false;
  return rooms.exists(join(values.text("instance-dir") ?? "", "branch.db"));
}
