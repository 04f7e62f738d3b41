import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { startBranch, type Branch, type BranchOptions } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { isChromiumThere, startChromium } from "./chromium.ts";
import { watchProblems, type Problems } from "./problems.ts";

/** Screenshots of every test, ignored by git. */
const OUTPUT = resolve(import.meta.dir, "output");
/** Of one step on the page. What waits for a worker has a time of its own. */
const STEP_MS = 15_000;

export const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 900 };

/** What a test gets: a page of its own in the Chromium of its file, and the branch that the file shares. */
interface Scene {
  readonly page: Page;
  readonly branch: Branch;
  /** Of the branch's broker. */
  readonly brokerUrl: string;
  readonly problems: Problems;
  /** Goes to a hash route of the page, such as "#/apps". */
  visit(route: string): Promise<void>;
  /** Another page in a context of its own: somebody else, on another machine. Its problems count too. */
  another(options?: BrowserContextOptions): Promise<Page>;
  /** Keeps a picture besides the one of the end of the test. */
  picture(name: string): Promise<void>;
}

type Body = (scene: Scene) => Promise<void>;

/** Registers the tests of one file. */
export interface Stage {
  test(name: string, body: Body, options?: BrowserContextOptions): void;
}

/**
 * Describes the page, with one Chromium, one virtual host and one branch for all tests of a file, which are left out where there is no
 * Chromium. Each test ends by asking that nothing went wrong on its pages, and leaves a picture in test/page/output.
 */
export function describePage(
  file: string,
  body: (stage: Stage) => void,
  branchOptions: Partial<BranchOptions> = {},
  prepare?: (branch: Branch, brokerUrl: string) => Promise<void>,
): void {
  const name = basename(file, ".test.ts");
  // Setup says so where apt cannot bring it.
  describe.skipIf(!isChromiumThere())(`the page: ${name}`, () => {
    let browser: Browser;
    let vhost: Vhost;
    let branch: Branch;

    beforeAll(async () => {
      [browser, vhost] = await Promise.all([startChromium(), freshVhost()]);
      branch = await startBranch({ broker: vhost.url, ...branchOptions });
      await prepare?.(branch, vhost.url);
    }, 60_000);
    afterAll(async () => {
      await browser?.close();
      await branch?.[Symbol.asyncDispose]();
      await vhost?.drop();
    }, 60_000);

    body({
      test: (title, act, options = {}) =>
        test(title, () =>
          perform({ browser, branch, brokerUrl: vhost.url, folder: join(OUTPUT, name), title, options }, act),
        ),
    });
  });
}

interface Performance {
  readonly browser: Browser;
  readonly branch: Branch;
  readonly brokerUrl: string;
  readonly folder: string;
  readonly title: string;
  readonly options: BrowserContextOptions;
}

async function perform({ browser, branch, brokerUrl, folder, title, options }: Performance, act: Body): Promise<void> {
  const contexts: BrowserContext[] = [];
  const watched: Problems[] = [];
  const open = async (wanted: BrowserContextOptions) => {
    const context = await browser.newContext({ viewport: DESK, reducedMotion: "reduce", ...wanted });
    contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(STEP_MS);
    const problems = watchProblems(page);
    watched.push(problems);
    return { page, problems };
  };
  await mkdir(folder, { recursive: true });
  try {
    const { page, problems } = await open(options);
    const picture = async (name: string) => {
      await page.screenshot({ path: join(folder, `${slug(name)}.png`) });
    };
    const scene: Scene = {
      page,
      branch,
      brokerUrl,
      problems,
      visit: async (route) => {
        await page.goto(`${branch.url}/admin/${route}`);
      },
      another: async (wanted = {}) => (await open(wanted)).page,
      picture,
    };
    await act(scene).catch(async (error: unknown) => {
      await picture(`${title} FAILED`);
      throw error;
    });
    await picture(title);
    expect(watched.flatMap((each) => each.list())).toEqual([]);
  } finally {
    for (const context of contexts) await context.close();
  }
}

const slug = (text: string) =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
