import type { Browser, Page } from "playwright-core";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost } from "../harness/rabbit.ts";
import { isChromiumThere, startChromium } from "../page/chromium.ts";
import { median, ms, report, sample, shown, type Sample } from "./measure.ts";

const INSTANCES = 1000;
const VISITS = 10;

interface Visit {
  /** From the begin of the navigation to the first content. */
  readonly paintMs: number;
  /** Bytes of the page's files, as they went over the wire. */
  readonly transferred: number;
}

/**
 * The overview with 1,000 instances in Chromium: first paint, until it shows all of them, and what is transferred, held against an empty page of the
 * same browser. The instances are disabled, since the page gets the same of them as of running ones. Goal: at most 100 kB.
 */
export async function firstPaint(): Promise<void> {
  if (!isChromiumThere()) {
    process.stdout.write("the overview in Chromium\n  left out: there is no Chromium (apt-get install chromium)\n\n");
    return;
  }
  await using vhost = await freshVhost();
  await using branch = await startBranch({ broker: vhost.url });
  await addInstances(branch);
  using empty = Bun.serve({ port: 0, hostname: "127.0.0.1", development: false, fetch: emptyPage });
  const browser = await startChromium();
  try {
    const visits: Visit[] = [];
    const complete = await sample(VISITS, () =>
      inNewPage(browser, async (page) => {
        await page.goto(`${branch.url}/admin/#/`, { waitUntil: "commit" });
        await page.getByText(/all 1,?000/).waitFor();
        visits.push(await look(page));
      }),
    );
    const nothing: Visit[] = [];
    await sample(VISITS, () =>
      inNewPage(browser, async (page) => {
        await page.goto(`http://127.0.0.1:${empty.port}/`);
        nothing.push(await look(page));
      }),
    );
    tell(complete, visits, nothing);
  } finally {
    await browser.close();
  }
}

function tell(complete: Sample, visits: readonly Visit[], nothing: readonly Visit[]): void {
  const paint = times(visits);
  const emptyPaint = times(nothing);
  const kb = Math.max(...visits.map(({ transferred }) => transferred)) / 1000;
  report(
    `the overview with ${INSTANCES} instances in Chromium`,
    `first paint: ${shown(paint)}; all instances counted: ${ms(median(complete))}; files of the page: ${kb.toFixed(1)} kB (goal ≤ 100 kB)`,
    `first paint of a page with one word: ${shown(emptyPaint)}`,
    `${(median(paint) / median(emptyPaint)).toFixed(2)}×`,
  );
}

async function addInstances(branch: Branch): Promise<void> {
  await branch.api("POST", "/bench/");
  const numbers = Array.from({ length: INSTANCES }, (_, i) => i);
  for (const i of numbers) {
    const { status } = await branch.api("POST", `/bench/instances/b${i}/`, { json: { is_enabled: false } });
    if (status !== 201) throw new Error(`Adding instance ${i} was answered ${status}`);
  }
}

/** In a context of its own, so that nothing is cached. */
async function inNewPage(browser: Browser, act: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext();
  await act(await context.newPage());
  await context.close();
}

/** The event stream is no file of the page, and has no size while it is open. */
const look = (page: Page) =>
  page.evaluate<Visit>(`new Promise((done) => {
    const tell = (paintMs) => {
      const files = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      done({ paintMs, transferred: files.filter(({ name }) => name.includes("/admin/")).reduce((sum, file) => sum + file.transferSize, 0) });
    };
    new PerformanceObserver((list) => {
      const [entry] = list.getEntriesByName("first-contentful-paint");
      if (entry) tell(entry.startTime);
    }).observe({ type: "paint", buffered: true });
  })`);

const emptyPage = () =>
  new Response("<!doctype html><title>empty</title>one", { headers: { "content-type": "text/html" } });

const times = (visits: readonly Visit[]): Sample => ({
  sortedMs: visits.map(({ paintMs }) => paintMs).toSorted((a, b) => a - b),
});
