import { version } from "../../package.json";
import { AmqpBus } from "../bus/amqp-bus.ts";
import { isObserver, OBSERVER } from "../cluster/cluster.ts";
import { brokerLabel, brokerUrl, parseBrokerUrl } from "../domain/broker.ts";
import { CymeError, notFound, unavailable } from "../domain/errors.ts";
import { bytesOf, parseForwardedAnswer, type ForwardedRequest } from "../domain/forward.ts";
import { systemClock as clock } from "../kit/clock.ts";
import { silentLog } from "../kit/log.ts";

const CONNECT_MS = 10_000;
const CALL_MS = 10_000;
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
  const { pathname, search } = new URL(request.url);
  const [, encoded] = BRANCHES.exec(pathname) ?? [];
  const bus = openBus(broker);
  try {
    bus.start();
    const why = await untilUp(bus);
    if (why) return await otherwise(why);
    const ids = bus.members().flatMap((member) => (isObserver(member.facts) ? [] : [member.id]));
    if (encoded === undefined) return Response.json(ids);
    const id = decodeURIComponent(encoded);
    if (!ids.includes(id)) throw notFound("branch", id);
    const path = `${pathname}${search}`;
    const asked: ForwardedRequest = { method: request.method, path, headers: {}, body: null, mayAdd: false };
    const answer = parseForwardedAnswer(await bus.call(id, "request", asked, CALL_MS));
    return new Response(bytesOf(answer.body), { status: answer.status, headers: answer.headers });
  } finally {
    await bus.stop(clock.now() + STOP_MS);
  }
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
