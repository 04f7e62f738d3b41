import type { ClientRequest, Transport } from "./transport.ts";

export interface TestAnswer {
  /** 200 without it. */
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** `{"ok":"ok"}` without it. */
  readonly text?: string;
}

/** A branch for tests: notes every request and answers each the same. */
export function testTransport({ status = 200, headers = {}, text = '{"ok":"ok"}' }: TestAnswer = {}) {
  const requests: ClientRequest[] = [];
  const transport: Transport = async (request) => {
    requests.push(request);
    return { status, headers: new Headers(headers), text };
  };
  return { transport, requests };
}

/** A request as one line: `PUT /shop/?timeout=5 {"cwd":null}`; a body that is no JSON as text. */
export function requestLine({ method, path, query = {}, json, body }: ClientRequest): string {
  const search = new URLSearchParams(query).toString();
  return `${method} ${path}${search === "" ? "" : `?${search}`}${json === undefined ? "" : ` ${JSON.stringify(json)}`}${body === undefined ? "" : ` ${new TextDecoder().decode(body)}`}`;
}
