import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Where to ask: a unix socket, or a port, by itself or behind TLS. */
export type Target =
  | { readonly path: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly security: "none" | "tls" | "tls with client certificates";
    };

const ANSWER_MS = 10_000;
const QUESTION = "GET /ping/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const GOOD = /^HTTP\/1\.1 200 /;

/**
 * Asks an HTTP server whether it answers; rejects with why it does not. By a socket and not by fetch, which would go through
 * a proxy where the environment names one.
 */
export function probe(target: Target): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = open(target);
    const end = (why?: string) => {
      socket.destroy();
      if (why === undefined) resolve();
      else reject(new Error(why));
    };
    socket.setTimeout(ANSWER_MS, () => end(`it did not answer within ${ANSWER_MS / 1000} s`));
    socket.once("error", (error) => end(error.message));
    socket.once("close", () => end("it closed the connection"));
    socket.once("data", (bytes) => {
      const line = bytes.toString("latin1").split("\r\n")[0] ?? "";
      end(GOOD.test(line) ? undefined : `it answered ${line.slice(0, 60)}`);
    });
    // We have no certificate to show: that it takes the connection has to do.
    if ("security" in target && target.security === "tls with client certificates") {
      socket.once("connect", () => end());
    } else socket.write(QUESTION);
  });
}

function open(target: Target): Socket {
  if ("path" in target) return connect({ path: target.path });
  const host = reachable(target.host);
  const { port, security } = target;
  // Only whether it answers is asked: the certificate is for others.
  return security === "tls" ? connectTls({ host, port, rejectUnauthorized: false }) : connect({ host, port });
}

/** An address of this machine, for one that stands for all of them. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return isIP(host) === 6 && /^[0:]+$/.test(host) ? "::1" : host;
}
