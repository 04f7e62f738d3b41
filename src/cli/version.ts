import { version } from "../../package.json";

export const versionLine = `cyme ${version}\n`;
