import { PageHead } from "../kit/parts.tsx";

export function Overview() {
  return <PageHead title="Overview" />;
}
