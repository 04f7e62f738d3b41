import { span } from "../../kit/span.ts";
import { moment, now } from "../state/time.ts";

/** How long ago a moment was, going on by itself; the moment as its title. */
export function Ago({ at }: { readonly at: string | null }) {
  if (at === null) return <span class="dim">–</span>;
  return (
    <time dateTime={at} title={moment(at)}>
      {span(now.value - Date.parse(at))}
    </time>
  );
}
