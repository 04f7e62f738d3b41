const UNITS: Record<string, number> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** A number of bytes written as digits and K, M or G (of 1024) in any case; undefined where the text is none. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d{1,15})([kmg]?)$/i.exec(text.trim());
  if (!match) return undefined;
  return Number(match[1]) * (UNITS[(match[2] ?? "").toLowerCase()] ?? 1);
}
