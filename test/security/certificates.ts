import { join } from "node:path";
import { run } from "../harness/branch.ts";

/** A certificate and its key, as PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority of the test's own, which signs what is asked for. */
export interface Authority {
  /** Its own certificate. */
  readonly ca: string;
  /** For an address of this machine, or for somebody who shows it to a server. */
  sign(name: string): Promise<Certificate>;
}

/** Makes one, with its files in `dir`. */
export async function makeAuthority(dir: string, name: string): Promise<Authority> {
  const ca = join(dir, `${name}.pem`);
  const key = join(dir, `${name}.key`);
  await openssl(["req", "-x509", ...NEW_KEY, "-keyout", key, "-out", ca, "-subj", `/CN=${name}`, "-days", "2"]);
  return {
    ca,
    async sign(whose) {
      const made = { cert: join(dir, `${name}-${whose}.pem`), key: join(dir, `${name}-${whose}.key`) };
      const names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
      const signed = ["-CA", ca, "-CAkey", key, "-subj", `/CN=${whose}`, ...names];
      await openssl(["req", "-x509", ...NEW_KEY, "-keyout", made.key, "-out", made.cert, ...signed, "-days", "2"]);
      return made;
    },
  };
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

async function openssl(args: string[]): Promise<void> {
  const { code, stderr } = await run(["openssl", ...args], { ...process.env });
  if (code !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
}
