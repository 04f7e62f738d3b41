import { invalid } from "./errors.ts";
import { integer, text, type Params } from "./fields.ts";

/** How to reach an AMQP broker. */
export interface Broker {
  readonly scheme: "amqp" | "amqps";
  readonly hostname: string;
  readonly port: number;
  readonly userid: string;
  readonly password: string;
  readonly virtualHost: string;
}

export const DEFAULT_BROKER_URL = "amqp://guest:guest@127.0.0.1:5672//";

const DEFAULT_PORT = { amqp: 5672, amqps: 5671 } as const;
const URL_WANTED =
  "a URL amqp://user:password@host:port/virtual_host (or amqps://), with @ / % in user, password or virtual host written as %40 %2F %25";
const PORT_WANTED = "a whole number from 1 to 65535";
const HOSTNAME = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_]([A-Za-z0-9_.-]{0,253}))$/;

/**
 * Reads a broker URL with the rules of kombu's `parse_url` (kombu/utils/url.py): user, password and virtual host are
 * percent-decoded, the virtual host is the path without its first slash, none at all means `/`.
 * Throws `invalid` naming `parameter`, never showing the URL, since it holds a password.
 */
export function parseBrokerUrl(parameter: string, url: string): Broker {
  const wanted = () => invalid(parameter, URL_WANTED);
  const match = /^(amqp|amqps|pyamqp):\/\/(?:([^/]*)@)?(\[[^\]/]*\]|[^:/@]*)(?::([^/@]*))?(?:\/(.*))?$/s.exec(
    url.trim(),
  );
  if (!match) throw wanted();
  const [, schemeText, userinfo = "", host = "", portText, path = ""] = match;
  if (/[?#]/.test(path) || /[?#]/.test(host)) throw invalid(parameter, `${URL_WANTED}, and no ? or #`);
  // With a / in the password what comes before it would be taken, and told, for host and port.
  if (path.includes("@")) throw wanted();
  const scheme = schemeText === "amqps" ? "amqps" : "amqp";
  const colon = userinfo.indexOf(":");
  const decode = (part: string) => {
    try {
      return decodeURIComponent(part);
    } catch {
      throw wanted();
    }
  };
  return checked(parameter, {
    scheme,
    hostname: host === "" ? "127.0.0.1" : host,
    port: portText ? portOfUrl(portText, userinfo !== "") : DEFAULT_PORT[scheme],
    userid: decode(colon < 0 ? userinfo : userinfo.slice(0, colon)) || "guest",
    password: userinfo === "" ? "guest" : decode(colon < 0 ? "" : userinfo.slice(colon + 1)),
    virtualHost: decode(path) || "/",
  });
}

/** Without a user before it, what stands for a port may be the password of a URL whose host was forgotten: it is not shown. */
function portOfUrl(port: string, isAfterUser: boolean): number {
  const value = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (value < 1 || value > 65_535) throw invalid("port", PORT_WANTED, isAfterUser ? port : undefined);
  return value;
}

/** The URL, password and all: for the broker's client and the worker's environment only. */
export function brokerUrl(broker: Broker): string {
  const userinfo = `${encodeURIComponent(broker.userid)}:${encodeURIComponent(broker.password)}`;
  return `${broker.scheme}://${userinfo}@${brokerAddress(broker)}`;
}

/** Where the broker is, without user or password: for people, logs and errors. */
export function brokerLabel(broker: Broker): string {
  return `${broker.scheme}://${brokerAddress(broker)}`;
}

function brokerAddress({ hostname, port, virtualHost }: Broker): string {
  return `${hostname}:${port}/${virtualHost === "/" ? "/" : encodeURIComponent(virtualHost)}`;
}

const BROKER_PARTS = ["hostname", "port", "userid", "password", "virtual_host", "vhost"] as const;
export const BROKER_PARAMS = ["broker", ...BROKER_PARTS] as const;

/**
 * The broker that was asked for: `undefined` not given, `null` the default one. Without `hostname` the other four are
 * checked and then ignored, as documented.
 */
export function parseBrokerParams(params: Params): Broker | null | undefined {
  const url = params["broker"];
  const parts = parseParts(params);
  if (url === undefined) return parts;
  if (parts !== undefined) throw invalid("broker", "either broker or hostname, not both");
  if (url === null) return null;
  if (typeof url !== "string") throw invalid("broker", URL_WANTED);
  return url === "" ? null : parseBrokerUrl("broker", url);
}

function parseParts(params: Params): Broker | null | undefined {
  if (params["vhost"] !== undefined && params["virtual_host"] !== undefined) {
    throw invalid("vhost", "either vhost or virtual_host, not both");
  }
  const or = <T>(key: string, fallback: T, parse: (raw: unknown) => T | null): T => {
    const raw = params[key];
    return raw === undefined || raw === null ? fallback : (parse(raw) ?? fallback);
  };
  const vhostKey = params["vhost"] === undefined ? "virtual_host" : "vhost";
  const rest = {
    port: or<number>("port", DEFAULT_PORT.amqp, (raw) => integer("port", raw, 1, 65_535)),
    userid: or<string>("userid", "guest", (raw) => text("userid", raw, { maxLength: 255 })),
    password: or<string>("password", "guest", (raw) => text("password", raw, { secret: true, maxLength: 1024 })),
    virtualHost: or<string>(vhostKey, "/", (raw) => text(vhostKey, raw, { maxLength: 255 })),
  };
  const hostname = params["hostname"];
  if (hostname === undefined) return undefined;
  if (hostname === null || hostname === "") return null;
  if (typeof hostname !== "string") throw invalid("hostname", "a host name or an IP address", hostname);
  return checked("hostname", { scheme: "amqp", hostname, ...rest });
}

function checked(parameter: string, broker: Broker): Broker {
  // Brackets keep an IPv6 address apart from its port; given without them they are added.
  const hostname = /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(broker.hostname) ? `[${broker.hostname}]` : broker.hostname;
  if (!HOSTNAME.test(hostname)) {
    // Somebody may have given a whole URL, with its password.
    const shown = hostname.includes("@") ? undefined : broker.hostname;
    throw invalid(parameter, "a host name or an IP address", shown);
  }
  for (const part of [broker.userid, broker.password, broker.virtualHost]) {
    if (/[\0\r\n]/.test(part)) throw invalid(parameter, "user, password and virtual host without control characters");
  }
  return { ...broker, hostname };
}
