/** What the API says of a parameter, with the words that stand at its field: `Cannot use max_age: …` is `Cannot use “Longest life”: …`. */
export function worded(message: string, parameter: string, label: string): string {
  const start = `Cannot use ${parameter}`;
  const rest = message.slice(start.length);
  // Not max of max_age.
  return message.startsWith(start) && !/^\w/.test(rest) ? `Cannot use “${label}”${rest}` : message;
}
