const MAX_DISTANCE = 3;

/** The candidate nearest to what was typed, within three edits and less than half of it; `undefined` when none is. */
export function nearest(typed: string, candidates: Iterable<string>): string | undefined {
  return ranked(typed, candidates)?.candidate;
}

/** The nearest of several ways to read what was typed, the first on a tie. */
export function nearestOf(readings: readonly string[], candidates: readonly string[]): string | undefined {
  const found = readings.flatMap((typed) => ranked(typed, candidates) ?? []);
  return found.toSorted((a, b) => a.distance - b.distance)[0]?.candidate;
}

function ranked(typed: string, candidates: Iterable<string>): { candidate: string; distance: number } | undefined {
  const limit = Math.min(MAX_DISTANCE, Math.floor(typed.length / 2));
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - typed.length) > limit) continue;
    const distance = editDistance(typed, candidate);
    if (distance <= limit && (!best || distance < best.distance)) best = { candidate, distance };
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one text into the other. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(at(last, j) + 1, at(row, j - 1) + 1, replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, at(beforeLast, j - 2) + 1);
      }
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

const at = (row: readonly number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY;
