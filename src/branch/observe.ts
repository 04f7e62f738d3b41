import { version } from "../../package.json";
import { AmqpBus } from "../bus/amqp-bus.ts";
import type { Bus } from "../bus/bus.ts";
import { isObserver, OBSERVER } from "../cluster/cluster.ts";
import { brokerLabel, brokerUrl, parseBrokerUrl } from "../domain/broker.ts";
import { withStored } from "../controller/elsewhere.ts";
import { CymeError, notFound, unavailable } from "../domain/errors.ts";
import { flag } from "../domain/fields.ts";
import { bytesOf, parseForwardedAnswer, type ForwardedRequest } from "../domain/forward.ts";
import { respond, SILENT_HEADER } from "../http/respond.ts";
import { systemClock as clock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";

const CONNECT_MS = 10_000;
const CALL_MS = 10_000;
const KNOWN_MS = 2_000;
const STOP_MS = 2_000;
const BRANCHES = /^\/branches(?:\/([^/]+))?\/?$/;

/** Whether a request is about branches and so can be answered by those of a broker, without any daemon here. */
export const isAboutBranches = (request: Request): boolean => BRANCHES.test(new URL(request.url).pathname);

/**
 * Answers a request about branches by asking those that are on the bus of `broker`, as one who listens and is no branch
 * itself; `otherwise` answers where the broker cannot be reached.
 */
export async function observe(
  broker: string,
  request: Request,
  otherwise: (why: CymeError) => Promise<Response>,
): Promise<Response> {
  const bus = openBus(broker);
  try {
    bus.start();
    const why = await untilUp(bus);
    return why ? await otherwise(why) : await askBranches(bus, request);
  } finally {
    await bus.stop(clock.now() + STOP_MS);
  }
}

/** Answers a request about branches by what those say that are on `bus`, which is up. */
export async function askBranches(bus: Bus, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const [, encoded] = BRANCHES.exec(pathname) ?? [];
  const up = bus.members().flatMap((member) => (isObserver(member.facts) ? [] : [member.id]));
  const known = await knownTo(bus, up);
  if (encoded === undefined) {
    const silent = [...known.ids].filter((id) => !up.includes(id)).toSorted();
    return respond(200, up, silent.length === 0 ? {} : { [SILENT_HEADER]: silent.join(",") });
  }
  const id = decodeURIComponent(encoded);
  const isWrite = request.method === "DELETE";
  const isForget = isWrite && flag("forget", searchParams.get("forget") || "no");
  // Who is away cannot be asked to forget itself: any other can.
  const to = isForget ? known.by : id;
  if (to !== undefined && up.includes(to)) return ask(bus, to, request, isWrite);
  if (!known.ids.has(id)) throw notFound("branch", id);
  throw unavailable(`Branch "${id}" does not answer`, { branch: id, ...(isWrite && { stored: false }) });
}

/** The branches that those know that are up, and one of these that answered. */
async function knownTo(bus: Bus, up: readonly string[]): Promise<{ ids: ReadonlySet<string>; by: string | undefined }> {
  const { answers } = await bus.gather(up, "branches.known", null, KNOWN_MS);
  const [by] = answers.keys();
  const told = [...answers.values()].flat().filter((id) => typeof id === "string");
  return { ids: new Set(told), by };
}

async function ask(bus: Bus, to: string, { method, url }: Request, isWrite: boolean): Promise<Response> {
  const { pathname, search } = new URL(url);
  const asked: ForwardedRequest = { method, path: `${pathname}${search}`, headers: {}, body: null, mayAdd: false };
  const answered = await bus.call(to, "request", asked, CALL_MS, { isWrite }).catch((error: unknown) => {
    throw isWrite ? withStored(error) : error;
  });
  const answer = parseForwardedAnswer(answered);
  return new Response(bytesOf(answer.body), { status: answer.status, headers: answer.headers });
}

function openBus(url: string): AmqpBus {
  const broker = parseBrokerUrl("broker", url);
  const id = `command-${crypto.randomUUID()}`;
  return new AmqpBus({
    self: { id, key: id, version, facts: () => OBSERVER },
    handle: () => Promise.reject(new CymeError("not-implemented", "This is a command and no branch")),
    url: brokerUrl(broker),
    label: brokerLabel(broker),
    controllers: 1,
    clock,
    log: silentLog,
    onRefused: () => {},
  });
}

/** By then all that are up have answered the greeting; with an error where nobody can be asked. */
function untilUp(bus: AmqpBus): Promise<CymeError | undefined> {
  return new Promise((resolve) => {
    const end = (why?: CymeError) => {
      cancel();
      unsubscribe();
      resolve(why);
    };
    const away = (reason: string) => end(unavailable(`Cannot ask the branches: ${reason}`));
    const cancel = clock.after(CONNECT_MS, () => away(`the broker did not answer within ${CONNECT_MS / 1000} s`));
    const unsubscribe = bus.onState(({ is, reason = "the broker is away" }) => {
      if (is === "up") end();
      else if (is === "away") away(reason);
    });
  });
}
