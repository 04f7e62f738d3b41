import { refuseNoCertificate, refuseUnfitPair } from "../domain/certificates.ts";
import { invalid } from "../domain/errors.ts";
import type { Tls } from "./carrier.ts";
import type { Spelling } from "./lost.ts";

/** Throws `invalid` for what TLS could not use, since it would say so in words of its own, or not at all. */
export function refuseUnusable({ ca, cert, key }: Tls, spelling: Spelling): void {
  if ((cert === undefined) !== (key === undefined)) {
    throw invalid(spelling.cert, `both ${spelling.cert} and ${spelling.key}, or neither`);
  }
  if (ca !== undefined) refuseNoCertificate({ option: spelling.ca, text: ca });
  if (cert !== undefined && key !== undefined) {
    refuseUnfitPair({ option: spelling.cert, text: cert }, { option: spelling.key, text: key });
  }
}
