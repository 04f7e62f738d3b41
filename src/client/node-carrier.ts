import * as http from "node:http";
import * as https from "node:https";
import type { Socket } from "node:net";
import type { Incoming, Outgoing } from "./carrier.ts";

/** By Node.js's own HTTP, since its fetch takes neither TRACE nor CONNECT, nor certificates and socket files without a package. */
export function nodeCarrier({ origin, target, method, headers, body, tls, unix, signal }: Outgoing): Promise<Incoming> {
  const { request } = origin.startsWith("https:") ? https : http;
  const options = {
    method,
    path: target,
    headers: { ...headers, ...(body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) }) },
    signal,
    // A connection of its own each: one that is kept may be closed by the branch just when it is used again.
    agent: false,
    ...tls,
    ...(unix === undefined ? {} : { socketPath: unix }),
  } as const;
  return new Promise((resolve, reject) => {
    const sent = request(new URL(origin), options);
    sent.on("error", reject);
    sent.on("response", (answer) => resolve(incoming(answer, answer)));
    sent.on("connect", (answer, socket, head) => resolve(incoming(answer, afterConnect(answer, socket, head))));
    sent.end(body);
  });
}

function incoming(answer: http.IncomingMessage, pieces: AsyncIterable<Uint8Array>): Incoming {
  const headers = new Headers();
  const { rawHeaders } = answer;
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  const text = async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of pieces) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  };
  return { status: answer.statusCode ?? 0, headers, text, pieces: () => pieces };
}

/** What follows the head of an answer to CONNECT, which Node.js takes for a tunnel: here it is a body like others. */
async function* afterConnect(answer: http.IncomingMessage, socket: Socket, head: Buffer): AsyncGenerator<Uint8Array> {
  let left = Number(answer.headers["content-length"] ?? 0);
  if (head.length > 0) socket.unshift(head);
  if (left === 0) socket.destroy();
  else {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      yield chunk.subarray(0, left);
      left -= Math.min(left, chunk.length);
      if (left === 0) return; // Which ends the connection.
    }
    throw Object.assign(new Error("The answer was cut off"), { code: "ECONNRESET" });
  }
}
