import { cut, fit } from "./fit.ts";
import type { Paint } from "./paint.ts";
import { cell, type JsonRecord } from "./record.ts";

const GAP = "  ";

/**
 * Aligned columns under a heading; a column `state` is coloured by its state. What does not fit into `room` columns of the terminal is
 * cut in the widest ones.
 */
export function table(
  columns: readonly string[],
  rows: readonly JsonRecord[],
  paint: Paint,
  room = Number.POSITIVE_INFINITY,
): string {
  const cells = rows.map((row) => columns.map((column) => cell(row[column])));
  const headings = columns.map((column) => column.toUpperCase().replaceAll("_", " "));
  const natural = headings.map((heading, index) =>
    cells.reduce((widest, row) => Math.max(widest, width(row[index] ?? "")), width(heading)),
  );
  const widths = fit(natural, room - GAP.length * (columns.length - 1));
  const line = (texts: readonly string[], colour: (text: string, index: number) => string) => {
    const shown = texts.map((text, index) => {
      const fitting = cut(text, widths[index] ?? 0);
      return colour(index === texts.length - 1 ? fitting : pad(fitting, widths[index] ?? 0), index);
    });
    return `${cut(shown.join(GAP), room)}\n`;
  };
  const state = columns.indexOf("state");
  const body = cells.map((row) =>
    line(row, (text, index) => (index === state ? paint.state(row[index] ?? "", text) : text)),
  );
  return line(headings, (text) => paint.heading(text)) + body.join("");
}

const width = (text: string) => Bun.stringWidth(text);
const pad = (text: string, wanted: number) => text + " ".repeat(Math.max(0, wanted - width(text)));
