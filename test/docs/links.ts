import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Of a Markdown document without its blocks of code, in which `[a](b)` is no link. */
const prose = (markdown: string) => markdown.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, "").replaceAll(/`[^`\n]*`/g, "`");

/** The anchor that a heading gets, as GitHub makes it. */
export function anchorOf(heading: string): string {
  const shown = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll(/&[a-z]+;/g, "");
  return shown
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
    .replaceAll(" ", "-");
}

function anchorsOf(markdown: string): string[] {
  const seen = new Map<string, number>();
  const headings = markdown.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, "").matchAll(/^#{1,6} (.+)$/gm);
  return [...headings].map(([, heading = ""]) => {
    const anchor = anchorOf(heading.trim());
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    return times === 0 ? anchor : `${anchor}-${times}`;
  });
}

/** Relative links and pictures of a document that lead nowhere: no such file, or no such heading in it. */
export function brokenLinks(path: string): string[] {
  const targets = [...prose(readFileSync(path, "utf8")).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return targets.filter((target) => !/^(https?|mailto):/.test(target) && isBroken(path, target));
}

function isBroken(from: string, target: string): boolean {
  const [file = "", anchor] = target.split("#", 2);
  const path = file === "" ? from : resolve(dirname(from), file);
  if (!existsSync(path)) return true;
  return anchor !== undefined && !(statSync(path).isFile() && anchorsOf(readFileSync(path, "utf8")).includes(anchor));
}
