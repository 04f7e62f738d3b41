import type { Option } from "../option.ts";
import { ASKED_BY_SHELLS } from "./asked-by-shells.ts";
import {
  byOffer,
  COMMAND_NAMES,
  dashed,
  everyArgument,
  offerOf,
  OTHERS,
  sameOptions,
  SHARED_OPTIONS,
  shortFlags,
  valuedOptions,
  verbs,
  type Offer,
} from "./facts.ts";
import { filled } from "./filled.ts";
import script from "./scripts/cyme.bash" with { type: "text" };

/** For bash 4.2 and newer, with or without the package bash-completion, whatever the shell's options. */
export function bash(): string {
  return filled(script, {
    commands: COMMAND_NAMES.join(" "),
    valued: words(valuedOptions()),
    values: cases(byOffer(valuedOptions(), offerOf).map(([offer, some]) => [some.flatMap(dashed), offers(offer)])),
    options: cases(sameOptions().map(({ names, options }) => [names, offers(options.flatMap(dashed))])),
    others: OTHERS.map(({ name }) => name).join(" | "),
    shared: words(SHARED_OPTIONS),
    verbs: cases([...verbs()].map(([noun, some]) => [[noun], offers(some)])),
    arguments: cases(
      byOffer(everyArgument(), ({ offer }) => offer).map(([offer, some]) => [
        some.map(({ command, position }) => `"${command} ${position}"`),
        moreOffers(offer),
      ]),
    ),
    flags: shortFlags(),
    asked: ASKED_BY_SHELLS,
  });
}

const words = (options: readonly Option[]) => options.flatMap(dashed).join(" ");

const cases = (all: readonly (readonly [patterns: readonly string[], does: string])[]) =>
  all.map(([patterns, does]) => `    ${patterns.join(" | ")}) ${does} ;;\n`).join("");

const offers = (offer: Offer) => asksFor(offer) ?? `offers="${wordsOf(offer)}"`;

/** Besides the words that may follow as the second one of a command. */
const moreOffers = (offer: Offer) => asksFor(offer) ?? `offers+=" ${wordsOf(offer)}"`;

const asksFor = (offer: Offer) => (typeof offer === "object" || offer === "command" ? undefined : `ask="${offer}"`);

const wordsOf = (offer: Offer) => (typeof offer === "object" ? offer.join(" ") : "$commands");
