/**
 * A new UUID. Node.js 18 has no `crypto` of its own accord; elsewhere the module is not loaded, which takes longer than a command of
 * the command line does otherwise.
 */
export async function newUuid(): Promise<string> {
  const web: Pick<Crypto, "randomUUID"> | undefined = globalThis.crypto;
  return web?.randomUUID() ?? (await import("node:crypto")).randomUUID();
}
