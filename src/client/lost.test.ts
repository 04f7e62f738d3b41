import { describe, expect, test } from "bun:test";
import { lossOf, type Way } from "./lost.ts";

const HTTPS: Way = {
  isHttps: true,
  isSocket: false,
  host: "machine1",
  hasCa: false,
  hasCert: false,
  spelling: { ca: "--ca", cert: "--cert", key: "--key" },
};
const MUTUAL: Way = { ...HTTPS, hasCa: true, hasCert: true };

describe("why nobody could be reached is said", () => {
  test.each<[string, Way, string]>([
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", HTTPS, "not known here: give its authority with --ca"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", MUTUAL, "its certificate is not of the authority of --ca"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", MUTUAL, "its certificate is not for machine1"],
    ["CERT_HAS_EXPIRED", HTTPS, "its certificate has expired"],
    ["EPROTO", HTTPS, "the branch wants a client certificate: --cert and --key, or serves http"],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", HTTPS, "the branch wants a client certificate: --cert and --key"],
    ["EPROTO", MUTUAL, "the branch wants another client certificate"],
    ["ECONNREFUSED", HTTPS, "connection refused; is the branch running?"],
    ["ENOTFOUND", HTTPS, "unknown host"],
    ["Malformed_HTTP_Response", HTTPS, "what listens there does not speak HTTP"],
    ["HPE_INVALID_CONSTANT", HTTPS, "what listens there does not speak HTTP"],
  ])("of %s over %j, which nothing got by", (code, way, why) => {
    expect(lossOf(code, way)).toEqual({ why: expect.stringContaining(why), reached: false });
  });

  const CLOSED = "the connection was closed before the answer";
  test.each<[Way, string]>([
    [MUTUAL, "; does the branch accept the certificate of --cert?"],
    [HTTPS, "; does the branch want a client certificate, --cert and --key?"],
    [{ ...HTTPS, isHttps: false }, "; does it serve https?"],
    [{ ...HTTPS, isHttps: false, isSocket: true }, ""],
  ])("of a connection that is closed over %j, by which something may have got there", (way, question) => {
    expect(lossOf("ECONNRESET", way)).toEqual({ why: `${CLOSED}${question}`, reached: true });
  });

  test("of nothing else", () => expect(lossOf("EWHATEVER", HTTPS)).toBeUndefined());
});
