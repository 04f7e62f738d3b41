import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { path } from "../api/request.ts";
import { Button } from "../kit/button.tsx";
import { Icon } from "../kit/icon.tsx";
import { Card } from "../kit/parts.tsx";
import { SearchField } from "../kit/search-field.tsx";
import { followLog } from "./follow-log.ts";
import { found, type LogLine } from "./log-lines.ts";

const LINE_PX = 20;
const SPARE = 20;
const ALL_LINES = 100_000;

/** What the worker writes, as it writes it: with a pause, and a search in the last thousands of lines. */
export function Log({ app, name }: { readonly app: string; readonly name: string }) {
  const place = `${path(app, "instances", name)}log/`;
  const lines = useSignal<readonly LogLine[]>([]);
  const trouble = useSignal<string | null>(null);
  /** What was there when the pause began. */
  const paused = useSignal<readonly LogLine[] | null>(null);
  const wanted = useSignal("");
  useEffect(() => {
    const left = new AbortController();
    const listener = {
      onLines: (next: readonly LogLine[]) => (lines.value = next),
      onTrouble: (why: string | null) => (trouble.value = why),
    };
    void followLog(place, listener, left.signal);
    return () => left.abort();
  }, [place]);
  const shown = found(paused.value ?? lines.value, wanted.value);
  const isPaused = paused.value !== null;
  return (
    <Card title="Log" class="log" actions={<a href={`${place}?lines=${ALL_LINES}`}>As text</a>}>
      <div class="filters">
        <SearchField label="Search the log" value={wanted.value} onInput={(words) => (wanted.value = words)} />
        <Button
          icon={isPaused ? "play" : "pause"}
          pressed={isPaused}
          onClick={() => (paused.value = isPaused ? null : lines.value)}
        >
          {isPaused ? "Go on" : "Pause"}
        </Button>
        <span class="dim">
          {shown.length} lines{wanted.value !== "" && ` of ${(paused.value ?? lines.value).length}`}
          {isPaused && ", paused"}
        </span>
      </div>
      {trouble.value !== null && (
        <p class="why" role="status">
          <Icon name="warn" />
          {trouble.value}
        </p>
      )}
      <Lines lines={shown} wanted={wanted.value} isFollowed={!isPaused} />
    </Card>
  );
}

interface LinesProps {
  readonly lines: readonly LogLine[];
  readonly wanted: string;
  readonly isFollowed: boolean;
}

/** The lines in sight; stays at the end while it is there. */
function Lines({ lines, wanted, isFollowed }: LinesProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const view = useSignal({ top: 0, height: 600 });
  const isAtEnd = useRef(true);
  const look = () => {
    const element = scroller.current;
    if (!element) return;
    const { scrollTop: top, clientHeight: height, scrollHeight } = element;
    isAtEnd.current = top + height >= scrollHeight - LINE_PX;
    view.value = { top, height };
  };
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && isAtEnd.current && isFollowed) element.scrollTop = element.scrollHeight;
    look();
  }, [lines, isFollowed]);
  const first = Math.max(0, Math.floor(view.value.top / LINE_PX) - SPARE);
  const last = Math.ceil((view.value.top + view.value.height) / LINE_PX) + SPARE;
  return (
    <div class="log-lines" role="region" aria-label="Lines of the log" tabIndex={0} ref={scroller} onScroll={look}>
      <div style={{ height: `${lines.length * LINE_PX}px` }}>
        {lines.slice(first, last).map((line, at) => (
          <div
            key={line.number}
            class={`log-line is-${line.level}`}
            style={{ transform: `translateY(${(first + at) * LINE_PX}px)` }}
          >
            <Marked text={line.text} wanted={wanted} />
          </div>
        ))}
      </div>
    </div>
  );
}

function Marked({ text, wanted }: { readonly text: string; readonly wanted: string }) {
  const at = wanted === "" ? -1 : text.toLowerCase().indexOf(wanted.toLowerCase());
  if (at < 0) return <>{text}</>;
  const end = at + wanted.length;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, end)}</mark>
      {text.slice(end)}
    </>
  );
}
