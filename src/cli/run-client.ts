import { Calls } from "../client/calls/calls.ts";
import type { Transport } from "../client/transport.ts";
import { CymeError } from "../domain/errors.ts";
import { seconds } from "../domain/fields.ts";
import type { ClientCall, ClientCommand, Stage } from "./command.ts";
import type { Environment, Io } from "./io.ts";
import { lookOf } from "./look.ts";
import { pretty } from "./output.ts";
import { painter } from "./paint.ts";
import { askUserName, newPassword } from "./password.ts";
import { misuse, usageLine } from "./parse.ts";
import { showProgress, type Progress } from "./progress.ts";
import type { Rooms } from "./rooms.ts";
import { openTransport, type OpenTransport } from "./target.ts";
import type { Values } from "./values.ts";
import type { Waiting } from "./waiting.ts";

/** By the header of an answer, what has become of who may ask. */
const ACCESS_NEWS: Readonly<Record<string, string>> = {
  closed: "From now on every request needs a login, but for commands with -L on the machine of a branch",
  open: "Nobody is known any more: at a loopback address everybody is admin again, at another one nobody",
};

/** Nobody waits for what is only shown. */
const BYSTANDER_S = 5;

interface Given {
  readonly values: Values;
  readonly env: Environment;
  readonly io: Io;
  readonly rooms: Rooms;
}

type Arguments = Readonly<Record<string, string | undefined>>;

/** Runs a command against a branch and prints what it answers; resolves to 0, or rejects with what went wrong. */
export async function runClient(command: ClientCommand, args: Arguments, given: Given): Promise<number> {
  const { values, env, io } = given;
  if (command.isForThisBranch && values.source("app") === "option") {
    const message = `Cannot use --app with ${command.name}: it is about all workers of this branch`;
    throw misuse(message, usageLine(command.usage));
  }
  if (!command.isForThisBranch && values.source("instance-dir") === "option" && !values.flag("local")) {
    const label = painter(() => io.stderrIsTTY, env).warning("warning:");
    io.stderr(`${label} --instance-dir counts with -L alone: this asks the branch of --url\n`);
  }
  const what = [command.name, ...Object.values(args).slice(0, 1)].filter(Boolean).join(" ");
  const label = `${what}: waiting${command.waitsFor === undefined ? "" : ` for ${command.waitsFor}`}`;
  const session = new Session(command, given, label);
  if (command.waiting && io.stderrIsTTY) {
    session.waiting = command.waiting(session.bystander(), { ...args, app: values.text("app") });
  }
  try {
    const value = await command.run(session.call(), args).finally(() => session.endProgress());
    if (value === undefined) return 0;
    const isText = typeof value === "string";
    const isJson = values.text("format") === "json" && !isText;
    io.stdout(
      isJson
        ? oneLine(session.lastText || JSON.stringify(value)) // The answer to a HEAD is in its headers.
        : pretty(value, command.view, lookOf(io, env, Date.now())),
    );
    const isNothing = Array.isArray(value) && value.length === 0 && !isJson;
    if (isNothing && command.none !== undefined) io.stderr(`${command.none}\n`);
    return 0;
  } catch (error) {
    if (io.signal.aborted && session.mayBeDone)
      io.stderr(
        `interrupted; the branch goes on with it${command.waiting ? ": cyme status shows how far it is" : ""}\n`,
      );
    throw await session.explained(error);
  } finally {
    await session.close();
  }
}

/** The connection to the branch, opened by the first request, and what came over it. */
class Session {
  /** The last answer as it was sent. */
  lastText = "";
  /** Whether a change was asked for that a branch may do although nobody waits for it any more. */
  mayBeDone = false;
  /** Says what is waited for, once that takes long. */
  waiting: Waiting | undefined;
  readonly #command: ClientCommand;
  readonly #given: Given;
  readonly #label: string;
  readonly #timeoutS: number | undefined;
  #deadlineMs: number | undefined;
  #progress: Progress | undefined;
  readonly #ended = new AbortController();
  #opening: Promise<OpenTransport> | undefined;
  /** Whether the command goes on until it is ended: each request has a deadline of its own then, and nothing is shown beside. */
  #isEndless = false;

  constructor(command: ClientCommand, given: Given, label: string) {
    this.#command = command;
    this.#given = given;
    this.#label = label;
    const { values } = given;
    // Without one the branch knows the default itself.
    const isTimed = values.source("timeout") !== undefined;
    this.#timeoutS = isTimed ? seconds(values.called("timeout"), values.text("timeout"), 0.1, 86_400) : undefined;
  }

  call(): ClientCall {
    const { values, io, rooms } = this.#given;
    const app = values.text("app");
    const usage = usageLine(this.#command.usage);
    return {
      client: this.#client(),
      values,
      io,
      app,
      needApp: () => {
        if (app !== undefined) return app;
        throw misuse(
          `Cannot run ${this.#command.name} without an app: give -a <app> or set CYME_APP (cyme apps lists them)`,
          usage,
        );
      },
      readFile: (path) => this.#readFile(path),
      newPassword: (user) => newPassword(user, values.flag("stdin"), rooms, io),
      askUserName: () => askUserName(rooms, io),
      stage: () => this.#stage(),
      misuse: (message) => misuse(message, usage),
    };
  }

  endProgress(): void {
    this.#progress?.stop();
  }

  /** Of one that nobody was reached by, or not let in, also what might have been given and was not. */
  async explained(error: unknown): Promise<unknown> {
    const transport = await this.#opening?.catch(() => undefined);
    if (!transport || !(error instanceof CymeError)) return error;
    const { unused, tokenFrom } = transport;
    const isLost = error.code === "unavailable" && error.facts["reached"] !== undefined;
    const isRefused = error.code === "unauthorized";
    return error.withFacts({
      ...(unused !== undefined && (isLost || isRefused) ? { unused } : {}),
      ...(tokenFrom !== undefined && isRefused ? { token_from: tokenFrom } : {}),
    });
  }

  async close(): Promise<void> {
    this.#ended.abort();
    const transport = await this.#opening?.catch(() => undefined); // Its failure was the request's failure.
    await transport?.[Symbol.asyncDispose]?.();
  }

  #stage(): Stage {
    const { values, env, io, rooms } = this.#given;
    if (!io.stdoutIsTTY || values.text("format") === "json" || env["TERM"] === "dumb") throw noStage(this.#command);
    this.#isEndless = true;
    const look = () => lookOf(io, env, Date.now());
    return { write: io.stdout, look, onResize: (listener) => io.screen.onResize(listener), quitByKey: rooms.quitByKey };
  }

  /** Asks the same branch beside the command, which does not notice; rejects where no daemon runs, which could answer meanwhile. */
  bystander(): Calls {
    const { io } = this.#given;
    const transport: Transport = async (request) => {
      this.#opening ??= openTransport(this.#command, this.#given);
      const open = await this.#opening;
      if (open[Symbol.asyncDispose]) throw new Error("the command is alone");
      return open(request);
    };
    return new Calls(transport, { signals: [io.signal, this.#ended.signal], timeoutS: BYSTANDER_S });
  }

  #client(): Calls {
    const { env, io } = this.#given;
    return new Calls(this.#transport, {
      nowait: this.#isNowait(),
      signals: [io.signal],
      ...(this.#timeoutS === undefined ? {} : { timeoutS: this.#timeoutS }),
      onSilent: (branches) => {
        const paint = painter(() => io.stderrIsTTY, env);
        const names = branches.join(", ");
        const meaning = meaningOfSilence(this.#command);
        this.#say(`${paint.warning("warning:")} no answer from ${names}: ${meaning}\n`);
      },
    });
  }

  readonly #transport: Transport = async (request) => {
    const isStream = request.onText !== undefined;
    const timeoutMs = isStream || this.#isEndless ? request.timeoutMs : this.#leftMs(request.timeoutMs);
    // From the first request on: a person may take any time to type what is sent.
    if (isStream || this.#isEndless) this.endProgress();
    else this.#progress ??= showProgress(this.#given.io, this.#label, this.waiting);
    this.#opening ??= openTransport(this.#command, this.#given);
    const transport = await this.#opening;
    const isDaemon = transport[Symbol.asyncDispose] === undefined;
    this.mayBeDone ||= isDaemon && request.method !== "GET" && request.method !== "HEAD";
    const response = await transport({ ...request, timeoutMs });
    this.lastText = response.text;
    const news = ACCESS_NEWS[response.headers.get("X-Cyme-Access") ?? ""];
    if (news !== undefined) this.#say(`${news}\n`);
    return response;
  };

  #say(text: string): void {
    const say = this.#progress?.say ?? this.#given.io.stderr;
    say(text);
  }

  /** A command of several requests has one deadline, that of the first. */
  #leftMs(timeoutMs: number): number {
    this.#deadlineMs ??= performance.now() + timeoutMs;
    return Math.max(1, Math.min(timeoutMs, this.#deadlineMs - performance.now()));
  }

  async #readFile(path: string): Promise<Uint8Array> {
    const { rooms, io } = this.#given;
    try {
      return await rooms.readFile(path, io.signal);
    } catch (error) {
      throw misuse(`Cannot read ${JSON.stringify(path)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #isNowait(): boolean {
    const { values } = this.#given;
    if (!values.flag("nowait")) return false;
    if (this.#command.nowait) return true;
    // The variable is for whatever can use it; an option that would be ignored is refused.
    if (values.source("nowait") === "variable") return false;
    throw new CymeError(
      "not-implemented",
      `Cannot use --nowait with ${this.#command.name}: nothing is scheduled by it`,
    );
  }
}

const noStage = ({ name }: ClientCommand) =>
  misuse(
    `Cannot use --watch: wanted a terminal as standard output, a TERM other than dumb, and not -F json; for programs there is ${name} -F json, and GET /api/events/, which tells of each change`,
  );

function oneLine(text: string): string {
  const trimmed = text.trim();
  return `${trimmed.includes("\n") ? JSON.stringify(JSON.parse(trimmed)) : trimmed}\n`;
}

/** What it means that branches did not answer. */
function meaningOfSilence({ name, nowait }: ClientCommand): string {
  if (name === "tasks.send") return "one of them may have sent the same task before";
  return nowait ? "they do it when they are back" : "this may not be complete";
}
