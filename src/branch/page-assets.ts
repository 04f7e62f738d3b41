import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { PageFile } from "../http/page.ts";

/** Where the build embeds the files of the page (scripts/build.ts). */
const FOLDER = join(import.meta.dir, "page");
const PACKED = ".gz";

/** The files of the admin page; none where the program runs from its sources. */
export function pageFiles(): PageFile[] {
  if (!existsSync(FOLDER)) return [];
  const packed = readdirSync(FOLDER).filter((file) => file.endsWith(PACKED));
  return packed.map((file) => ({
    name: file.slice(0, -PACKED.length),
    gzipped: new Uint8Array(readFileSync(join(FOLDER, file))),
  }));
}
