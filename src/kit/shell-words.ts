/** Thrown by `splitWords` where a quote is not closed or a backslash ends the text. */
export class ShellWordsError extends Error {}

/** The shell's, and the carriage return that ends the lines of a web form. */
const WHITE_SPACE = " \t\n\r";

/**
 * Splits text into words as a POSIX shell does, without any expansion: single quotes keep everything, double quotes keep
 * everything but `\" \\ \$ \` and a line break`, a backslash outside of quotes keeps the next character.
 */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined; // undefined: between words, so that '' is a word and a space is none
  let quote: "'" | '"' | undefined;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (quote === "'") {
      if (char === "'") quote = undefined;
      else word += char;
    } else if (char === "\\") {
      const next = text.charAt(++i);
      if (next === "") throw new ShellWordsError("ends in a backslash");
      if (next === "\n") continue;
      const kept = quote === '"' && !'"\\$`'.includes(next) ? `\\${next}` : next;
      word = (word ?? "") + kept;
    } else if (quote === '"') {
      if (char === '"') quote = undefined;
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (WHITE_SPACE.includes(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote) throw new ShellWordsError(`has a ${quote} that is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}
