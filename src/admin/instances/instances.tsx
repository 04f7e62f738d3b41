import { PageHead } from "../kit/parts.tsx";

export function Instances() {
  return <PageHead title="Instances" />;
}
