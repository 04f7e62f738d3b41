/** Shapes on a field of 16 by 16, drawn with a line of the colour of the text. */
const SHAPES = {
  overview: "M2 9h4V2H2zM10 14h4V7h-4zM2 14h4v-2H2zM10 4h4V2h-4z",
  instances: "M3 2h10v4H3zM3 10h10v4H3zM5.500 4h0M5.500 12h0",
  apps: "M8 1.500 14 5v6l-6 3.500L2 11V5zM2 5l6 3.500L14 5M8 8.500v6",
  queues: "M2 4h9M2 8h9M2 12h9M13 6l2 2-2 2",
  tasks: "M14 2 7 9M14 2l-4 12-3-5-5-3z",
  users: "M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.500 14c.5-3 2.500-4 5.500-4s5 1 5.500 4",
  audit: "M4 1.500h6l3 3v10H4zM6.500 7h4M6.500 9.500h4M6.500 12h2",
  api: "M5 4 1.500 8 5 12M11 4l3.500 4L11 12M9 2.500 7 13.500",
  copy: "M5.500 5.500h8v8h-8zM10.500 5.500v-3h-8v8h3",
  plus: "M8 3v10M3 8h10",
  close: "M4 4l8 8M12 4l-8 8",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.500 10.500 14 14",
  check: "M3 8.500 6.500 12 13 4.500",
  warn: "M8 2 1.500 13.500h13zM8 6.500v3.500M8 12h0",
  info: "M8 14.500a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM8 7.500v4M8 5h0",
  up: "M4 10l4-4 4 4",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  left: "M10 4 6 8l4 4",
  pause: "M5.500 3v10M10.500 3v10",
  play: "M4.500 3v10l8-5z",
  stop: "M4 4h8v8H4z",
  restart: "M13 8a5 5 0 1 1-1.500-3.600M13 2v3h-3",
  edit: "M3 13l.7-3L11 2.700l2.300 2.300L6 12.300zM9.500 4.200l2.300 2.300",
  trash: "M2.500 4h11M6 4V2.500h4V4M4 4l.7 9.500h6.600L12 4",
  move: "M2 8h12M10.500 4.500 14 8l-3.500 3.500",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7z",
  auto: "M8 14.500a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13zM8 1.500v13M8 4l4.500 0M8 8h6.500M8 12h4.500",
  out: "M6 2.500H2.500v11H6M10 4.500 13.500 8 10 11.500M13.500 8H6",
  keys: "M1.500 4h13v8h-13zM4 6.500h0M6.500 6.500h0M9 6.500h0M11.500 6.500h0M5 9.500h6",
  branch:
    "M5 5.500v5M5 5.500a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM5 14.500a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM11 7.500a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM11 7.500c0 2-2 2.500-6 3",
  scale: "M2 12.500 8 3.500l6 9M4.500 8.700h7",
} as const;

export type IconName = keyof typeof SHAPES;

/** A picture beside words, so it says nothing by itself. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}
