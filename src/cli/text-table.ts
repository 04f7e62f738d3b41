import type { Paint } from "./paint.ts";
import { cell, type JsonRecord } from "./record.ts";

const GAP = "  ";

/** Aligned columns under a heading; a column `state` is coloured by its state. */
export function table(columns: readonly string[], rows: readonly JsonRecord[], paint: Paint): string {
  const cells = rows.map((row) => columns.map((column) => cell(row[column])));
  const headings = columns.map((column) => column.toUpperCase().replaceAll("_", " "));
  const widths = headings.map((heading, index) =>
    Math.max(...[heading, ...cells.map((row) => row[index] ?? "")].map(width)),
  );
  const line = (texts: readonly string[], colour: (text: string, index: number) => string) =>
    `${texts
      .map((text, index) => colour(index === texts.length - 1 ? text : pad(text, widths[index] ?? 0), index))
      .join(GAP)}\n`;
  const state = columns.indexOf("state");
  const body = cells.map((row) =>
    line(row, (text, index) => (index === state ? paint.state(row[index] ?? "", text) : text)),
  );
  return line(headings, (text) => paint.heading(text)) + body.join("");
}

const width = (text: string) => Bun.stringWidth(text);
const pad = (text: string, wanted: number) => text + " ".repeat(Math.max(0, wanted - width(text)));
