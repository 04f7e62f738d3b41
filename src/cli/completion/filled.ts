/** A line that stands for lines, or a place within a line. */
const PLACE = /^[ \t]*# @(\w+)@\n|@(\w+)@/gm;

/** The script with its places, `@name@`, filled in; a comment that is nothing else stands for whole lines, each with its line break. */
export function filled(script: string, parts: Readonly<Record<string, string>>): string {
  return script.replaceAll(PLACE, (_, lines?: string, inline?: string) => {
    const name = lines ?? inline ?? "";
    const part = parts[name];
    if (part === undefined) throw new Error(`Nothing is known to fill in for @${name}@`);
    return part;
  });
}
