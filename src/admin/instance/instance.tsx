import { PageHead } from "../kit/parts.tsx";

export function Instance() {
  return <PageHead title="Instance" />;
}
