import { CymeError, OUTCOMES, type ErrorCode, type Facts } from "../../domain/errors.ts";
import type { ClientResponse } from "../transport.ts";

/** The JSON of an answer; throws where it is none. */
export function parse<T>(response: ClientResponse): T {
  try {
    return JSON.parse(response.text) as T;
  } catch {
    throw foreign(response);
  }
}

function foreign({ status, text }: ClientResponse): CymeError {
  const start = text.trim().replaceAll(/\s+/g, " ").slice(0, 100);
  return new CymeError(
    "internal",
    `The answer is not one of a branch (status ${status}, ${JSON.stringify(start)}): does the URL name a branch?`,
    { status },
  );
}

/** The error that an answer tells of, or that it is none of a branch. */
export function toError(response: ClientResponse): CymeError {
  const body = errorBody(response.text);
  if (!body) return foreign(response);
  const { nok, error, ...facts } = body;
  const code = Object.hasOwn(OUTCOMES, String(error)) ? (error as ErrorCode) : "internal";
  return new CymeError(code, String(nok), facts);
}

function errorBody(text: string): Facts | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null && "nok" in body ? (body as Facts) : undefined;
  } catch {
    return undefined;
  }
}
