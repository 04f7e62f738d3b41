import type { BranchOptions } from "../domain/branch.ts";
import { parseBrokerUrl } from "../domain/broker.ts";
import { parseBytes } from "../domain/bytes.ts";
import { invalid } from "../domain/errors.ts";
import { integer, seconds } from "../domain/fields.ts";
import { branchId } from "../domain/names.ts";
import { rateText } from "../domain/rate.ts";
import { parseWebhookAllow } from "../domain/webhook.ts";
import type { LogLevel } from "../kit/log.ts";
import type { Environment } from "./io.ts";
import type { Values } from "./values.ts";

const DAY_S = 86_400;

/** Counts where no address is given, as the variables of the options do. */
const ADDRESS_VARIABLE = "CYME_ADDRESS";

/** Reads the options; throws `invalid` naming the option, or the variable that it came from. */
export function branchOptions(values: Values, address: string | undefined, env: Environment): BranchOptions {
  const text = (name: string) => values.text(name) ?? "";
  const secondsOf = (name: string, min: number, max = DAY_S) => seconds(values.called(name), text(name), min, max);
  const broker = text("broker");
  parseBrokerUrl(values.called("broker"), broker);
  const id = values.text("id");
  return {
    ...(address === undefined
      ? parseAddress(ADDRESS_VARIABLE, env[ADDRESS_VARIABLE] || "8000")
      : parseAddress("address", address)),
    id: id === undefined ? undefined : branchId(id),
    broker,
    instanceDir: text("instance-dir"),
    numc: integer(values.called("numc"), text("numc"), 1, 1000),
    supIntervalS: secondsOf("sup-interval", 0.1),
    withoutHttpd: values.flag("without-httpd") || values.flag("without-http"),
    loglevel: text("loglevel") as LogLevel, // One of the option's choices.
    logfile: values.text("logfile"),
    logMaxBytes: bytes(values.called("log-max-size"), text("log-max-size")),
    detach: values.flag("detach"),
    pidfile: values.text("pidfile"),
    command: text("command"),
    restartMaxRate: rateText(values.called("restart-max-rate"), text("restart-max-rate")),
    retryDisabledS: secondsOf("retry-disabled", 0, 365 * DAY_S),
    waitAfterBrokerRevivedS: secondsOf("wait-after-broker-revived", 0),
    unresponsiveAfterS: secondsOf("unresponsive-after", 0.1),
    webhookAllow: webhookAllow(values),
    resultExpiresS: secondsOf("result-expires", 60, 7 * DAY_S),
    allowedHost: values.list("allowed-host"),
    corsOrigin: values.text("cors-origin"),
    ...tlsFiles(values),
    maxBodyBytes: bytes(values.called("max-body"), text("max-body")),
    insecure: values.flag("insecure"),
  };
}

/** A variable that is not filled in must not open what somebody meant to restrict. */
function webhookAllow(values: Values): string[] {
  const blank = values.blank("webhook-allow");
  const allow = blank === undefined ? values.list("webhook-allow") : [""];
  parseWebhookAllow(blank ?? values.called("webhook-allow"), allow);
  return allow;
}

const HOST = /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?))$/;

/** `8001`, `127.0.0.1:8001`, `[::1]:8001` or `:8001`; without an address it is 127.0.0.1. */
function parseAddress(name: string, address: string): { host: string; port: number } {
  const wanted = "a port, ip:port or :port, with a port from 0 to 65535";
  const colon = address.lastIndexOf(":");
  const hostText = address.slice(0, Math.max(0, colon));
  const portText = address.slice(colon + 1);
  const match = HOST.exec(hostText === "" ? "127.0.0.1" : hostText);
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!match || !(port <= 65_535)) throw invalid(name, wanted, address);
  return { host: match.groups?.["v6"] ?? match.groups?.["host"] ?? "", port };
}

function bytes(name: string, given: string): number {
  const value = parseBytes(given) ?? 0;
  if (value < 1 || value > 2 ** 30) throw invalid(name, "a number of bytes up to 1G, such as 512k or 10M", given);
  return value;
}

function tlsFiles(values: Values): Pick<BranchOptions, "tlsCert" | "tlsKey" | "tlsCa"> {
  const [tlsCert, tlsKey, tlsCa] = ["tls-cert", "tls-key", "tls-ca"].map((name) => values.text(name));
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw invalid(tlsCert === undefined ? "--tls-key" : "--tls-cert", "both --tls-cert and --tls-key, or neither");
  }
  if (tlsCa !== undefined && tlsCert === undefined) throw invalid("--tls-ca", "--tls-cert and --tls-key with it");
  return { tlsCert, tlsKey, tlsCa };
}
