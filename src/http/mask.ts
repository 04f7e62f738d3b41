/*
 * What those below admin see: no passwords, no values of variables, no user and password in URLs. Here alone, for every
 * answer, so that no route can forget it.
 */

/**
 * A user, with or without a password, between the slashes (also as some write JSON) and the host. Where what is behind a colon is no port
 * it is a password that is written as it is, with `/`, `?` or `#` in it. No letter is looked at from two beginnings.
 */
const USERINFO =
  /(:\\?\/\\?\/)(?:[^ \t-\r/?#"'<>\\]*@|[^ \t-\r/?#"'<>\\:@[]*:(?!\d{1,5}(?!\w))(?:(?!:\\?\/\\?\/)[^ \t-\r"'<>])*@)/g;

/** The same where the URL is encoded. */
const ENCODED = /(%3a%2f%2f)(?:(?!%2f|%3f|%23)[^ \t-\r/?#"'<>\\])*(?:%40|@)/gi;

/** Text without userinfo in URLs. */
export const maskedText = (text: string): string => text.replaceAll(USERINFO, "$1").replaceAll(ENCODED, "$1");

/** A value of JSON: `password` is null, as are the values of `env`. */
export function masked(value: unknown): unknown {
  if (typeof value === "string") return maskedText(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(masked);
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [maskedText(key), maskedField(key, of)]));
}

function maskedField(key: string, value: unknown): unknown {
  if (key === "password") return null;
  return key === "env" ? namesOf(value) : masked(value);
}

/** The names of variables; of what is no object it cannot be told where in it the values are. */
function namesOf(env: unknown): unknown {
  if (typeof env !== "object" || env === null || Array.isArray(env)) return null;
  return Object.fromEntries(Object.keys(env).map((name) => [name, null]));
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
  return new Response(response.body.pipeThrough(maskedParts()), { status, headers });
}

/** Of one word, as bytes may end within it, and the rest may come later or never. */
const WORD_BYTES = 64 * 1024;
/** What ends words: no user and no password of a URL goes beyond it. */
const WORD_END = /[ \t-\r"'<>]/;
/** Behind it a user and a password may stand. */
const MARK = /:\\?\/\\?\/|%3a%2f%2f/i;
const MARK_BYTES = "%3a%2f%2f".length;

/**
 * A text that comes in parts, which may end anywhere. Of a word that does not end, or is too long to be kept until it does, what follows a
 * `://` is left out: it may be half a password.
 */
function maskedParts(): TransformStream<Uint8Array, Uint8Array> {
  let rest = "";
  let isLeftOut = false;
  return new TransformStream({
    transform(chunk, out) {
      // One character is one byte in it, so that whatever a worker wrote comes out as it was.
      const part = Buffer.from(chunk).toString("latin1");
      const from = isLeftOut ? part.search(WORD_END) : 0;
      if (from < 0) return;
      const text = rest + part.slice(from);
      const begin = beginOfLastWord(text);
      const word = text.slice(begin);
      const isLong = word.length > WORD_BYTES;
      isLeftOut = isLong && MARK.test(word);
      rest = isLeftOut ? "" : isLong ? word.slice(-MARK_BYTES) : word;
      tell(out, maskedText(text.slice(0, begin)) + (isLong ? untilMark(word.slice(0, word.length - rest.length)) : ""));
    },
    flush: (out) => tell(out, untilMark(rest)),
  });
}

function tell(out: TransformStreamDefaultController<Uint8Array>, text: string): void {
  if (text !== "") out.enqueue(Uint8Array.from(Buffer.from(text, "latin1")));
}

function beginOfLastWord(text: string): number {
  let at = text.length;
  while (at > 0 && !WORD_END.test(text.charAt(at - 1))) at--;
  return at;
}

function untilMark(word: string): string {
  const mark = word.search(MARK);
  return mark < 0 ? word : `${word.slice(0, mark)}...`;
}
