import { httpTransport } from "../client/http-transport.ts";
import { noAnswer, type ClientRequest, type ClientResponse, type Transport } from "../client/transport.ts";
import { BRANCH_SCOPE, SCOPE_HEADER } from "../domain/forward.ts";
import { systemClock as clock } from "../kit/clock.ts";
import type { LogLevel } from "../kit/log.ts";
import type { Io } from "./io.ts";

export interface LocalOptions {
  readonly instanceDir: string;
  /** URL text of the branch's default broker, where given. */
  readonly broker?: string | undefined;
  readonly loglevel?: LogLevel | undefined;
  readonly logfile?: string | undefined;
}

const ORIGIN = "http://localhost";

/** For `--local`: speaks to the daemon of a directory by its socket, or, where none runs, does the work in this process. */
export async function localTransport(
  options: LocalOptions,
  io: Pick<Io, "stderr" | "signal">,
): Promise<Transport & Partial<AsyncDisposable>> {
  const { openLocal } = await import("../branch/local.ts");
  const api = await openLocal(options);
  if (api.kind === "daemon") {
    const daemon = httpTransport(ORIGIN, { unix: api.socket });
    return (request) => daemon(forThisBranch(request));
  }
  let deadlineMs = 0;
  const transport: Transport = (request) => {
    deadlineMs = clock.now() + request.timeoutMs;
    return send((sent) => api.handle(sent), forThisBranch(request));
  };
  const close = () => api.close({ say: io.stderr, signal: io.signal, deadlineMs });
  return Object.assign(transport, { [Symbol.asyncDispose]: close });
}

/** Whether a daemon runs or not, it is about the instances of this branch alone. */
const forThisBranch = (request: ClientRequest): ClientRequest => ({
  ...request,
  headers: { ...request.headers, [SCOPE_HEADER]: BRANCH_SCOPE },
});

async function send(handle: (request: Request) => Promise<Response>, request: ClientRequest): Promise<ClientResponse> {
  const { method, path, query = {}, json, body, headers, signal, timeoutMs, onText } = request;
  const deadline = AbortSignal.timeout(timeoutMs);
  const ended = new Promise<never>((_, reject) => {
    const end = () => reject(noAnswer(request));
    if (!onText) deadline.addEventListener("abort", end, { once: true });
    signal?.addEventListener("abort", end, { once: true });
  });
  const search = new URLSearchParams(query).toString();
  const response = handle(
    new Request(`${ORIGIN}${path}${search === "" ? "" : `?${search}`}`, {
      method,
      headers: { ...(json === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
      ...(signal ? { signal } : {}),
    }),
  );
  return Promise.race([response.then((answer) => read(answer, onText)), ended]);
}

async function read(response: Response, onText: ClientRequest["onText"]): Promise<ClientResponse> {
  const { status, headers } = response;
  if (!onText || !response.ok || !response.body) return { status, headers, text: await response.text() };
  const decoder = new TextDecoder();
  for await (const bytes of response.body) onText(decoder.decode(bytes, { stream: true }));
  return { status, headers, text: "" };
}
