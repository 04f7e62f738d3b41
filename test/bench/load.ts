import { connect, type Socket } from "node:net";

/**
 * GET requests over `connections` keep-alive connections, each sending the next when the last was answered, for `forMs`.
 * Gives answers per second. Throws where an answer is not 200.
 */
export async function requestsPerSecond(
  port: number,
  path: string,
  connections: number,
  forMs: number,
): Promise<number> {
  const endMs = performance.now() + forMs;
  const counts = await Promise.all(Array.from({ length: connections }, () => askUntil(endMs, port, path)));
  return (counts.reduce((sum, count) => sum + count, 0) / forMs) * 1000;
}

function askUntil(endMs: number, port: number, path: string): Promise<number> {
  const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  return new Promise((resolve, reject) => {
    let answered = 0;
    let text = "";
    const socket: Socket = connect({ host: "127.0.0.1", port, noDelay: true }, () => socket.write(request));
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (!isWhole(text)) return;
      if (!text.startsWith("HTTP/1.1 200")) return reject(new Error(`${path}: ${text.slice(0, 200)}`));
      answered++;
      text = "";
      if (performance.now() < endMs) socket.write(request);
      else socket.end(() => resolve(answered));
    });
  });
}

function isWhole(text: string): boolean {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return false;
  const length = /content-length: (\d+)/i.exec(text)?.[1];
  return length !== undefined && text.length >= head + 4 + Number(length);
}
