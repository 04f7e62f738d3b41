import { readFileSync } from "node:fs";
import type { BranchOptions } from "../domain/branch.ts";
import { refuseNoCertificate, refuseUnfitPair, type Pem } from "../domain/certificates.ts";
import { CymeError } from "../domain/errors.ts";
import type { TlsFiles } from "../http/server.ts";

/**
 * What the files hold that the options name; undefined where they name none. Throws `invalid` for one that cannot be read or
 * used.
 */
export function readTls({
  tlsCert,
  tlsKey,
  tlsCa,
}: Pick<BranchOptions, "tlsCert" | "tlsKey" | "tlsCa">): TlsFiles | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  const [cert, key] = [read("--tls-cert", tlsCert), read("--tls-key", tlsKey)];
  const ca = tlsCa === undefined ? undefined : read("--tls-ca", tlsCa);
  refuseUnfitPair(cert, key);
  if (ca) refuseNoCertificate(ca);
  return { cert: cert.text, key: key.text, ca: ca?.text };
}

function read(option: string, path: string): Pem {
  try {
    return { option, path, text: readFileSync(path, "utf8") };
  } catch (error) {
    throw new CymeError("invalid", `Cannot read ${option}: ${(error as Error).message}`);
  }
}
