import { refuseNoCertificate, refuseUnfitPair, type Pem } from "../domain/certificates.ts";
import { CymeError, invalid } from "../domain/errors.ts";

/** Paths of PEM files, or what is in them. */
interface TlsOptions {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Reads them. Throws `invalid` for what TLS could not use, since it would say so in words of its own, or not at all. */
export async function readTlsFiles(paths: TlsOptions): Promise<TlsOptions> {
  if ((paths.cert === undefined) !== (paths.key === undefined)) {
    throw invalid(paths.cert === undefined ? "--key" : "--cert", "both --cert and --key, or neither");
  }
  const given = [read("--ca", paths.ca), read("--cert", paths.cert), read("--key", paths.key)];
  const [ca, cert, key] = await Promise.all(given);
  if (ca) refuseNoCertificate(ca);
  if (cert && key) refuseUnfitPair(cert, key);
  return { ca: ca?.text, cert: cert?.text, key: key?.text };
}

async function read(option: string, path: string | undefined): Promise<Pem | undefined> {
  if (path === undefined) return undefined;
  try {
    return { option, path, text: await Bun.file(path).text() };
  } catch (error) {
    throw new CymeError("invalid", `Cannot read ${option}: ${(error as Error).message}`);
  }
}
