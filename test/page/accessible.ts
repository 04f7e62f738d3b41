import { source } from "axe-core";
import type { Page } from "playwright-core";

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[];
}

/**
 * What axe-core finds against the page as it stands, each in words; [] where it is accessible (WCAG 2.2 AA and good practice).
 * It is given to the page by the debugger, which the content policy does not concern.
 */
export async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate<boolean>("typeof axe === 'object'"))) await page.evaluate(source);
  const found = await page.evaluate<Violation[]>("axe.run(document).then((result) => result.violations)");
  return found.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id} (${help}): ${node.target.join(" ")}: ${node.failureSummary ?? ""}`),
  );
}
