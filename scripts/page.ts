/** Builds the admin page: the files that a browser fetches, each compressed, for the binary to embed. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "bun";

/** Writes `<file>.gz` of all files of the page into `folder`. All but index.html carry a hash of their content in the name. */
export async function buildPage(root: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { outputs } = await Bun.build({
    entrypoints: [join(root, "src/admin/index.html")],
    target: "browser",
    minify: true,
    // What is not needed at first comes when it is.
    splitting: true,
    publicPath: "/admin/",
    define: { "process.env.NODE_ENV": '"production"' },
    naming: { entry: "[name].[ext]", chunk: "[name]-[hash].[ext]", asset: "[name]-[hash].[ext]" },
  });
  await Promise.all(
    outputs.map(async (output) => {
      const bytes = new Uint8Array(await output.arrayBuffer());
      await Bun.write(join(folder, `${output.path.replace(/^.*\//, "")}.gz`), gzipSync(bytes, { level: 9 }));
    }),
  );
}
