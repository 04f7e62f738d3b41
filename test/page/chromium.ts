import { accessSync, constants } from "node:fs";
import { chromium, type Browser } from "playwright-core";

/** Debian's; scripts/setup.sh puts it there. */
const CHROMIUM = "/usr/bin/chromium";

/** Whether there is a Chromium to test the page in. Where setup could not install one it has said so. */
export function isChromiumThere(): boolean {
  try {
    accessSync(CHROMIUM, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A headless Chromium, which takes a second: one for a file, with a context of its own for each test. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    // Its sandbox does not work for root, nor in most containers; the only pages it sees are our own.
    chromiumSandbox: false,
    // Small /dev/shm of containers; and no look-ups in the background.
    args: ["--disable-dev-shm-usage", "--disable-component-update", "--disable-background-networking"],
  });
}
