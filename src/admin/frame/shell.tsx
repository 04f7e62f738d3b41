import { useEffect, useRef } from "preact/hooks";
import { Button } from "../kit/button.tsx";
import { Icon } from "../kit/icon.tsx";
import { navigation, pageFor } from "../pages.tsx";
import { logOut, may, session } from "../state/session.ts";
import { attempt } from "../state/toasts.ts";
import { go, href, route } from "../state/router.ts";
import { useKeys } from "../state/keys.ts";
import { nextTheme, theme } from "../state/theme.ts";
import { ConnectionMark, LostBanner } from "./connection-mark.tsx";
import { isHelpShown } from "./help.tsx";
import { Logo } from "./logo.tsx";

/** The frame around every page: header, navigation, and the page itself. */
export function Shell() {
  useFrameKeys();
  const main = useRef<HTMLElement>(null);
  const page = pageFor(route.value.path);
  const place = route.value.path.join("/");
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${page.title(route.value.path)} · Cyme`;
    // So that who hears the page is told where it is now; not at the beginning, where nothing was asked for.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [place]);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        Skip to the page
      </a>
      <Header />
      <Navigation />
      <main id="main" ref={main} tabIndex={-1}>
        <LostBanner />
        <page.View key={place} path={route.value.path} />
      </main>
    </div>
  );
}

const THEME_ICONS = { system: "auto", light: "sun", dark: "moon" } as const;

function Header() {
  const who = session.value;
  if (!who) return null;
  return (
    <header class="top">
      <a class="brand" href={href()} aria-label="Cyme, overview">
        <Logo />
        <b>cyme</b>
      </a>
      <span class="here" title="The branch that this page comes from">
        <Icon name="branch" />
        <span class="mono">{who.branch}</span>
        <span class="dim">v{who.version}</span>
      </span>
      <ConnectionMark />
      <span class="spread" />
      <span class="who" title={`Role ${who.role}, by ${who.by}`}>
        <span class="name">{who.is_open ? "without login" : who.name}</span> <span class="chip">{who.role}</span>
      </span>
      <Button kind="quiet" icon={THEME_ICONS[theme.value]} label={`Colours: ${theme.value}`} onClick={nextTheme} />
      <Button kind="quiet" icon="keys" label="Keyboard help" onClick={() => (isHelpShown.value = true)} />
      {!who.is_open && <Button kind="quiet" icon="out" label="Log out" onClick={() => void attempt(logOut)} />}
    </header>
  );
}

function Navigation() {
  const here = route.value.path[0] ?? "";
  return (
    <nav class="side" aria-label="Pages">
      <ul>
        {navigation
          .filter(({ wanted }) => may(wanted))
          .map(({ path, name, icon }) => (
            <li key={path}>
              <a href={path === "" ? href() : href(path)} aria-current={here === path ? "page" : undefined}>
                <Icon name={icon} />
                <span>{name}</span>
              </a>
            </li>
          ))}
      </ul>
    </nav>
  );
}

const GO_MS = 1500;

/** Keys that mean the same on every page: / ? and g with a letter. */
function useFrameKeys(): void {
  const gone = useRef(0);
  const toPage = (key: string) => {
    const entry = navigation.find((page) => page.key === key && may(page.wanted));
    if (entry && Date.now() - gone.current < GO_MS) go(entry.path === "" ? href() : href(entry.path));
    gone.current = 0;
  };
  useKeys({
    "?": () => (isHelpShown.value = true),
    "/": (event) => {
      const search = document.querySelector<HTMLInputElement>("input[type=search]");
      if (!search) return;
      event.preventDefault();
      search.focus();
      search.select();
    },
    g: () => (gone.current = Date.now()),
    ...Object.fromEntries(navigation.flatMap(({ key }) => (key ? [[key, () => toPage(key)]] : []))),
  });
}
