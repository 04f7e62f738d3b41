/*
 * What those below admin see: no passwords, no values of variables, no user and password in URLs. Here alone, for every
 * answer, so that no route can forget it.
 */

/** A user, with or without a password, before the host of a URL. Without what stands before, which would be looked for anew from each letter. */
const USERINFO = /:\/\/[^\s/?#"'<>\\]*@/g;

/** The same where the URL is encoded. */
const ENCODED = /(%3a%2f%2f)(?:(?!%2f|%3f|%23)[^\s/?#"'<>\\])*(?:%40|@)/gi;

/** Text without userinfo in URLs. */
export const maskedText = (text: string): string => text.replaceAll(USERINFO, "://").replaceAll(ENCODED, "$1");

/** A value of JSON: `password` is null, as are the values of `env`. */
export function masked(value: unknown): unknown {
  if (typeof value === "string") return maskedText(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(masked);
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, maskedField(key, of)]));
}

function maskedField(key: string, value: unknown): unknown {
  if (key === "password") return null;
  if (key === "env" && typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.keys(value).map((name) => [name, null]));
  }
  return masked(value);
}

/** The answer as those below admin see it. A stream of events is masked by who writes it, event by event. */
export async function maskedResponse(response: Response): Promise<Response> {
  const type = response.headers.get("content-type") ?? "";
  const { status, headers } = response;
  if (type.startsWith("application/json")) {
    const text = JSON.stringify(masked(JSON.parse(await response.text())));
    headers.delete("content-length");
    return new Response(text, { status, headers });
  }
  if (!type.startsWith("text/plain") || !response.body) return response;
  headers.delete("content-length");
  return new Response(response.body.pipeThrough(maskedLines()), { status, headers });
}

/** As bytes may end within a line, and in a followed log it may be long until the rest comes. */
const LINE_BYTES = 64 * 1024;

function maskedLines(): TransformStream<Uint8Array, Uint8Array> {
  // One character is one byte in it, so that whatever a worker wrote comes out as it was.
  let rest = "";
  const bytesOf = (text: string) => Uint8Array.from(Buffer.from(maskedText(text), "latin1"));
  return new TransformStream({
    transform(chunk, out) {
      const text = rest + Buffer.from(chunk).toString("latin1");
      const end = text.lastIndexOf("\n") + 1;
      const cut = text.length - end > LINE_BYTES ? text.length : end;
      rest = text.slice(cut);
      if (cut > 0) out.enqueue(bytesOf(text.slice(0, cut)));
    },
    flush(out) {
      if (rest !== "") out.enqueue(bytesOf(rest));
    },
  });
}
