import { asText, cell, isRecord, record, type Json, type JsonRecord } from "./record.ts";

/** The result of a task for people: of a URL task the answer of the web server as a browser would have got it. */
export function resultScreen({ result, error }: JsonRecord): string {
  if (isRecord(error)) return record({ error });
  if (isRecord(result) && typeof result["content"] === "string" && "status_code" in result) return webAnswer(result);
  return `${typeof result === "object" && result !== null ? indented(result) : scalar(result)}\n`;
}

function webAnswer({ content, is_base64: isBase64, ...rest }: JsonRecord): string {
  const head = record({ ...rest, ...(isBase64 === true ? { is_base64: true } : {}) });
  return content === "" ? head : `${head}\n${withBreak(asText(content))}`;
}

const indented = (value: Json) => asText(JSON.stringify(value, null, 2));
const scalar = (value: Json | undefined) => (typeof value === "string" && value !== "" ? asText(value) : cell(value));
const withBreak = (text: string) => (text.endsWith("\n") ? text : `${text}\n`);
