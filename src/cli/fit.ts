/** What of a column stays at least, where it has so much. */
const LEAST = 8;

/**
 * The widths that columns of these widths get in `room`: the widest give way first, none below eight. Where even that is too much,
 * more than `room`.
 */
export function fit(widths: readonly number[], room: number): number[] {
  const fitted = [...widths];
  let excess = sum(fitted) - room;
  while (excess > 0) {
    const widest = Math.max(...fitted);
    if (widest <= LEAST) break;
    const next = Math.max(LEAST, ...fitted.filter((width) => width < widest));
    const wide = fitted.flatMap((width, at) => (width === widest ? [at] : []));
    const step = Math.max(1, Math.min(widest - next, Math.ceil(excess / wide.length)));
    for (const at of wide) {
      const less = Math.min(step, excess);
      fitted[at] = widest - less;
      excess -= less;
    }
  }
  return fitted;
}

/** Text in so many columns of a terminal, wide characters counted as two; the end of what is longer is `…`. */
export function cut(text: string, columns: number): string {
  if (!Number.isFinite(columns) || Bun.stringWidth(text) <= columns) return text;
  const shorter = Bun.sliceAnsi(text, 0, Math.max(1, columns), { ellipsis: "…" });
  // A wide character in the middle of the edge is given whole.
  return Bun.stringWidth(shorter) <= columns ? shorter : Bun.sliceAnsi(text, 0, columns - 1, { ellipsis: "…" });
}

/** Words in lines of at most `columns`; a word that is longer has a line of its own. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let last = "";
  for (const word of text.split(" ")) {
    if (last !== "" && Bun.stringWidth(last) + 1 + Bun.stringWidth(word) > columns) {
      lines.push(last);
      last = word;
    } else {
      last = last === "" ? word : `${last} ${word}`;
    }
  }
  return [...lines, last];
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
