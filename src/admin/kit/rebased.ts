/** What is typed into a form over things that go on meanwhile: fields that nobody touched become what they are `now`, the others stay. */
export function rebased<T extends object>(before: T, now: T, typed: T): T {
  const touched = Object.entries(typed).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key as keyof T]),
  );
  return { ...now, ...Object.fromEntries(touched) };
}
