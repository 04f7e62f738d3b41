import { record, type JsonRecord } from "./record.ts";

const SHOWN_LENGTH = 200;

/** What was sent, for people: of a body that nobody reads, how large it is. */
export function sentScreen(sent: JsonRecord): string {
  const { data, is_base64: isBase64 } = sent;
  if (typeof data !== "string" || (isBase64 !== true && data.length <= SHOWN_LENGTH)) return record(sent);
  const bytes = Buffer.byteLength(data, isBase64 === true ? "base64" : "utf8");
  return record({ ...sent, data: `${bytes.toLocaleString("en")} bytes` });
}
