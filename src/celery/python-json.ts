/** Strings are matched too, so that what stands inside them is left alone. */
const STRING_OR_NO_NUMBER = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/gs;

/**
 * Parses JSON as Python's `json` writes it, which has NaN, Infinity and -Infinity: they become null, since JSON has no
 * such numbers and nobody downstream could pass them on. Throws SyntaxError for anything else that is not JSON.
 */
export function parsePythonJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const strict = text.replaceAll(STRING_OR_NO_NUMBER, (token) => (token.startsWith('"') ? token : "null"));
    if (strict === text) throw error;
    return JSON.parse(strict);
  }
}
