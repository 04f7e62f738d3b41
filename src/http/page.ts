import { CymeError } from "../domain/errors.ts";
import { respond } from "./respond.ts";

/** A file of the page as it is sent. */
export interface PageFile {
  /** Without a folder; all but `index.html` change their name with their content. */
  readonly name: string;
  readonly gzipped: Uint8Array<ArrayBuffer>;
}

const PREFIX = "/admin";
const INDEX = "index.html";
/** The page runs what comes with it and talks to where it comes from: what somebody smuggles into it does neither. */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** The admin page, as files under `/admin/`. It holds no data: that comes from the API, which asks who is there. */
export class Page {
  readonly #assets: ReadonlyMap<string, Asset>;

  constructor(files: readonly PageFile[]) {
    this.#assets = new Map(files.map((file) => [file.name, assetOf(file)]));
  }

  /** The answer to a request under `/admin`; undefined for every other path. Throws `not-found`, `method-not-allowed`. */
  answer(request: Request): Response | undefined {
    const path = pathOf(request.url);
    if (path !== PREFIX && !path.startsWith(`${PREFIX}/`)) return undefined;
    const allow = ["GET", "HEAD", "OPTIONS"];
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: { allow: allow.join(", ") } });
    if (!allow.includes(request.method)) {
      throw new CymeError("method-not-allowed", `${request.method} is not possible at ${PREFIX}/`, { allow });
    }
    if (path === PREFIX) return respond(308, { ok: `${PREFIX}/` }, { location: `${PREFIX}/` });
    return this.#show(path.slice(PREFIX.length + 1) || INDEX, request);
  }

  #show(name: string, { headers: asked }: Request): Response {
    if (this.#assets.size === 0)
      throw new CymeError("not-found", "The page is in the built binary alone: npm run build");
    const asset = this.#assets.get(name);
    if (!asset) throw new CymeError("not-found", `There is nothing at ${PREFIX}/${name.slice(0, 100)}`);
    const { bytes, headers } = asset;
    if (isKnown(asked.get("if-none-match"), headers["etag"])) return new Response(null, { status: 304, headers });
    if (takesGzip(asked)) return whole(bytes, { ...headers, "content-encoding": "gzip" });
    return whole(Bun.gunzipSync(bytes), headers);
  }
}

/** With its length, which a HEAD is told as well. */
const whole = (bytes: Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>>) =>
  new Response(bytes, { headers: { ...headers, "content-length": String(bytes.length) } });

function assetOf({ name, gzipped }: PageFile): Asset {
  const etag = `"${new Bun.CryptoHasher("sha256").update(gzipped).digest("hex").slice(0, 32)}"`;
  const headers = {
    "content-type": TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream",
    // The index names the others by their content, so it alone may have changed.
    "cache-control": name === INDEX ? "no-cache" : "public, max-age=31536000, immutable",
    etag,
    vary: "accept-encoding",
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  };
  return { bytes: gzipped, headers };
}

/** Without the query; without a Host header Bun gives the bare path. */
function pathOf(url: string): string {
  const path = url.startsWith("/") ? url : url.slice(url.indexOf("/", url.indexOf("://") + 3));
  return path.split("?", 1)[0] ?? "";
}

function isKnown(ifNoneMatch: string | null, etag: string | undefined): boolean {
  const known = (ifNoneMatch ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return known.includes("*") || (etag !== undefined && known.includes(etag));
}

function takesGzip(asked: Headers): boolean {
  return (asked.get("accept-encoding") ?? "")
    .split(",")
    .some((encoding) => /^\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/i.test(encoding));
}
