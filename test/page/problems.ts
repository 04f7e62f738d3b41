import type { ConsoleMessage, Page, Request, Response } from "playwright-core";

/** A failure that a test provokes: its status, and a part of the URL's path. */
interface Meant {
  readonly status: number;
  readonly path: string;
}

/** What went wrong on a page, gathered from the moment it is watched. */
export interface Problems {
  /** Says that a request whose path holds `path` will fail with `status`; that it does not is a problem too. */
  meant(status: number, path: string): void;
  /** From now on requests may break off and be refused, until the branch is there again. */
  outage(): void;
  /** Each in words: console errors and warnings (violations of the content policy are such), exceptions, failed requests. */
  list(): string[];
}

/** Chromium's own words for an answer of 4xx or 5xx, which `response` tells us better. */
const FAILED_TO_LOAD = "Failed to load resource";
/** A request that the page itself gave up, such as an event stream of a page that is left. */
const ABORTED = "net::ERR_ABORTED";

/** Watches a page for all that must not happen on it. */
export function watchProblems(page: Page): Problems {
  const meant: Meant[] = [];
  const said: string[] = [];
  const failures: { status: number; url: string; method: string }[] = [];
  let isOutage = false;

  page.on("console", (message: ConsoleMessage) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    if (!message.text().startsWith(FAILED_TO_LOAD)) said.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error: Error) => said.push(`exception: ${error.stack ?? error.message}`));
  page.on("response", (response: Response) => {
    if (response.status() < 400) return;
    failures.push({ status: response.status(), url: response.url(), method: response.request().method() });
  });
  page.on("requestfailed", (request: Request) => {
    const why = request.failure()?.errorText ?? "";
    if (why !== ABORTED && !isOutage) said.push(`${request.method()} ${request.url()} broke off: ${why}`);
  });

  return {
    meant: (status, path) => void meant.push({ status, path }),
    outage: () => {
      isOutage = true;
    },
    list() {
      const isMeant = ({ status, url }: { status: number; url: string }) =>
        meant.some((one) => one.status === status && url.includes(one.path));
      const unexpected = failures.filter((failure) => !isMeant(failure) && !(isOutage && failure.status >= 500));
      const missing = meant.filter(
        (one) => !failures.some(({ status, url }) => status === one.status && url.includes(one.path)),
      );
      return [
        ...said,
        ...unexpected.map(({ status, url, method }) => `${method} ${url} was answered ${status}`),
        ...missing.map(({ status, path }) => `a request to …${path} was to be answered ${status} but was not`),
      ];
    },
  };
}
