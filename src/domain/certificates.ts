import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { CymeError, invalid } from "./errors.ts";

/** A PEM text, and the option that it was given by, or that names its file. */
export interface Pem {
  readonly option: string;
  readonly path?: string;
  readonly text: string;
}

/** Throws `invalid` where there is no certificate in it: TLS would trust nobody then, without a word. */
export function refuseNoCertificate(pem: Pem): void {
  certificateIn(pem);
}

/** Throws `invalid` where one of them is none, or where they do not belong together. */
export function refuseUnfitPair(cert: Pem, key: Pem): void {
  const certificate = certificateIn(cert);
  if (certificate.checkPrivateKey(keyIn(key))) return;
  const message = `Cannot use ${cert.option} with ${key.option}: the key${inFile(key)} is not that of the certificate${inFile(cert)}`;
  throw new CymeError("invalid", message, { parameter: key.option });
}

const inFile = ({ path }: Pem) => (path === undefined ? "" : ` in ${path}`);

function certificateIn({ option, path, text }: Pem): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw invalid(option, `${path === undefined ? "" : "a file with "}a certificate (PEM)`, path);
  }
}

function keyIn({ option, path, text }: Pem): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    const file = path === undefined ? "" : "a file with ";
    throw invalid(option, `${file}a private key (PEM) that takes no passphrase`, path);
  }
}
